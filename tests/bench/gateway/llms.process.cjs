// Starts @musistudio/llms before one model server: node llms.process.cjs FOLDER PORT BACKEND
const { createRequire } = require('node:module');
const [folder, port, backend] = process.argv.slice(2);
const { default: Server } = createRequire(`${folder}/package.json`)('@musistudio/llms');
const models = ['burst', 'paced-30', 'paced-50', 'paced-100'];
const providers = [{ name: 'bench', api_base_url: `${backend}/v1/chat/completions`, api_key: 'none', models }];
new Server({
  useJsonFile: false,
  useEnvFile: false,
  initialConfig: { providers, PORT: port, HOST: '127.0.0.1' },
  logger: false,
}).start();
