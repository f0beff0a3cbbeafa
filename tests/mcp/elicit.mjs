// A client of the official SDK whose person is asked over streamable HTTP: `node elicit.mjs URL accept|decline`.
// Prints what the call answered.
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js';

const [url, action] = process.argv.slice(2);
const client = new Client({ name: 'elicit', version: '1' }, { capabilities: { elicitation: {} } });
let asked = 0;
client.setRequestHandler(ElicitRequestSchema, async () => {
  asked += 1;
  return action === 'accept' ? { action, content: { approve: true } } : { action };
});
await client.connect(new StreamableHTTPClientTransport(new URL(url)));
const path = `reports/${action}.md`;
const result = await client.callTool({ name: 'write_text', arguments: { path, text: 'done' } });
console.log(JSON.stringify({ asked, isError: result.isError ?? false, data: result.structuredContent }));
await client.close();
