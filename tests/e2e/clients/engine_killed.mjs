// A stream whose server process is killed must be an error for the SDK, and the SDK must get an answer afterwards.
// Says "streaming <client>" when it is time to kill.

import { Ollama } from "ollama";
import OpenAI from "openai";

const [url] = process.argv.slice(2);
const messages = [{ role: "user", content: "Tell me a long story." }];

const CLIENTS = {
  openai: () => {
    const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: "none", maxRetries: 5 });
    return {
      stream: () =>
        client.chat.completions.create({
          model: "llama",
          messages,
          stream: true,
          max_tokens: 100000,
          ignore_eos: true,
        }),
      answer: () => client.chat.completions.create({ model: "llama", messages, max_tokens: 4 }),
    };
  },
  ollama: () => {
    const client = new Ollama({ host: url });
    // An answer in a form that is long: nothing ends it before.
    const format = { type: "array", items: { type: "integer" }, minItems: 100000 };
    return {
      stream: () =>
        client.chat({ model: "llama", messages, stream: true, format, options: { num_predict: 100000 } }),
      answer: async () => {
        // This SDK does not try again by itself.
        for (let attempt = 0;; attempt++) {
          try {
            return await client.chat({ model: "llama", messages, options: { num_predict: 4 } });
          } catch (error) {
            if (attempt === 200) throw error;
            await new Promise((resolve) => setTimeout(resolve, 50));
          }
        }
      },
    };
  },
};

for (const [name, make] of Object.entries(CLIENTS)) {
  const client = make();
  let chunks = 0;
  try {
    for await (const _ of await client.stream()) if (++chunks === 5) console.log(`streaming ${name}`);
    console.log(`${name}: ended as if whole after ${chunks} chunks`);
    process.exit(1);
  } catch (error) {
    console.log(`${name}: error ${error.constructor.name}: ${error.message}`);
  }
  await client.answer();
  console.log(`${name}: answered`);
}
