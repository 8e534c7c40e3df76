/** Prints the public methods of npm `ollama`'s client as JSON. */

import { Ollama } from "ollama";

const methods = new Set();
for (let at = Ollama.prototype; at !== Object.prototype; at = Object.getPrototypeOf(at)) {
  for (const name of Object.getOwnPropertyNames(at)) methods.add(name);
}
console.log(JSON.stringify([...methods].sort()));
