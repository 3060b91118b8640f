// A mail server that takes what is handed to it, by smtp-server. Prints its port, then a line of JSON for each mail. Who writes to
// refused@… is refused, to later@… the first time not now.
import { SMTPServer } from 'smtp-server';

const seen = new Set();
const server = new SMTPServer({
  disabledCommands: ['AUTH', 'STARTTLS'],
  disableReverseLookup: true,
  logger: false,
  onRcptTo(address, session, done) {
    const to = address.address;
    if (to.startsWith('refused@')) return done(Object.assign(new Error('no such mailbox'), { responseCode: 550 }));
    if (to.startsWith('later@') && !seen.has(to)) {
      seen.add(to);
      return done(Object.assign(new Error('greylisted'), { responseCode: 450 }));
    }
    done();
  },
  onData(stream, session, done) {
    const chunks = [];
    stream.on('data', (c) => chunks.push(c));
    stream.on('end', () => {
      const { mailFrom, rcptTo } = session.envelope;
      console.log(JSON.stringify({ from: mailFrom.address, to: rcptTo.map((r) => r.address), raw: Buffer.concat(chunks).toString('latin1') }));
      done();
    });
  },
});
server.on('error', () => {});
server.listen(0, '127.0.0.1', () => console.log(server.server.address().port));
process.stdin.on('end', () => process.exit(0)).resume();
