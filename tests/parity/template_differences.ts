/** Where this server's prompts differ from llama-server's on purpose, and why. */

/** One explanation. `*` stands for all templates or conversations. */
interface Difference {
  templates: readonly string[];
  conversations: readonly string[];
  why: string;
}

const DIFFERENCES: readonly Difference[] = [
  {
    templates: ["ByteDance-Seed-OSS"],
    conversations: ["tool-types"],
    why:
      "llama-server refuses a parameter without a type: its Jinja fails on `t in (...)` when t is undefined. " +
      "In Jinja2 undefined is in no list, and so it is here.",
  },
  {
    templates: ["GigaChat3-10B-A1.8B", "GigaChat3.1-10B-A1.8B"],
    conversations: ["tool-types"],
    why:
      'llama-server refuses a parameter with several types: its Jinja fails on `ty in ["number", "integer"]` when ' +
      "ty is a list. In Jinja2 a list may be looked for in a list, and so it may here.",
  },
  {
    templates: ["Mistral-Small-3.2-24B-Instruct-2506"],
    conversations: ["parts-result"],
    why:
      "llama-server leaves out the tools: the template prints them at `message == user_messages[-1]`, and its Jinja " +
      "holds no two messages equal whose content is a list. Here, as in Jinja2, a message equals itself.",
  },
  {
    templates: ["google-gemma-2-2b-it"],
    conversations: [
      "tool-result",
      "tool-answer",
      "parallel",
      "parallel-swapped",
      "nested-args",
      "two-rounds",
      "no-content",
      "reasoning-tools",
      "parts-result",
    ],
    why:
      "The template takes no tool messages: llama-server refuses the conversation. Here calls become text of the " +
      "assistant and results messages of the user.",
  },
  {
    templates: ["google-gemma-2-2b-it"],
    conversations: ["late-system"],
    why:
      "The template takes no system messages. llama-server merges only one that comes first and refuses this " +
      "conversation; here each is merged into the next user message.",
  },
];

/** The reason for a difference; undefined when there is none. */
export function explanationOf(template: string, conversation: string): string | undefined {
  const names = (list: readonly string[], name: string) => list.includes("*") || list.includes(name);
  return DIFFERENCES.find(({ templates, conversations }) =>
    names(templates, template) && names(conversations, conversation)
  )?.why;
}
