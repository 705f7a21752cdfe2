// How the server finds the end of a turn: as the persona asks, with what was moved here on top; not at all while the
// customer says so with a button.

export function detection(talk, asked, moved) {
  if (talk === "push") return null;
  if (Object.keys(moved).length === 0) return asked;
  const own = asked?.type === "server_vad" ? asked : { type: "server_vad", create_response: true, interrupt_response: true };
  return { ...own, ...moved };
}
