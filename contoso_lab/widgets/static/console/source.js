// What stands for the microphone: the real one, or a stream widget of ipywebrtc. A recorded customer, and whoever types,
// needs none.

import { Failed, noStream } from "./failures.js";
import { Sound } from "./sound.js";

export async function openSource(source, model, kept) {
  if (source === "microphone") return Sound.microphone(kept.microphone, kept.echo);
  if (source !== "stream") return null;
  try {
    const widget = await model.widget_manager.get_model(String(model.get("stream")).replace("IPY_MODEL_", ""));
    return await widget.captureStream();
  } catch (error) {
    throw new Failed(noStream(error));
  }
}
