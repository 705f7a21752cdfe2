// The console's entry; its parts follow.
export default { render() {} };
