// Listens to the stream of changes as an integrator would, with eventsource, and writes a line of JSON for each message:
// {id, event, data}; {"event": "open"} for each connection; {"event": "error", "status"} when one is refused or breaks.
// Arguments: the address, the token, the names of events. Ends with its standard input.
import { EventSource } from "eventsource";

const [address, token, ...names] = process.argv.slice(2);
const write = (message) => process.stdout.write(JSON.stringify(message) + "\n");
const stream = new EventSource(address, {
  fetch: (url, init) => fetch(url, { ...init, headers: { ...init.headers, Authorization: `Bearer ${token}` } }),
});
for (const name of [...names, "gap"])
  stream.addEventListener(name, (m) => write({ id: m.lastEventId, event: m.type, data: JSON.parse(m.data) }));
stream.onopen = () => write({ event: "open" });
stream.onerror = (error) => write({ event: "error", status: error.code });
process.stdin.on("end", () => process.exit(0)).resume();
