/** Prints what the library hears of a topic. Usage: listen.mjs LIBRARY SOCKET TOPIC */
const [library, socket, topic] = process.argv.slice(2);
const { connect } = await import(library);

for await (const { data } of connect({ socket }).listen(topic)) process.stdout.write(`${data}\n`);
