// Reads cases as JSON lines from standard input, one per line, and answers each with one JSON line: what llama.cpp's
// chat library makes of the case's template and of the model outputs. Built and driven by tool_formats.ts.
//
// Case: { template, bos, eos, messages, tools?, tool_choice?, parallel_tool_calls?, reasoning_format?, enable_thinking?,
//         json_schema?, kwargs?, outputs: [text] }; `template` is a file, messages and tools have OpenAI's shape.
// Answer: { prompt, generation_prompt, format, grammar, grammar_lazy, triggers, preserved, stops, thinking_start,
//           thinking_ends, results: [{ whole, partial }] } or { error }. A message that did not parse is { error }.

#include "chat.h"

#include <nlohmann/json.hpp>

#include <fstream>
#include <iostream>
#include <sstream>
#include <string>

using nlohmann::ordered_json;

static std::string read_file(const std::string & path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) {
        throw std::runtime_error("cannot read " + path);
    }
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

static ordered_json message_json(const common_chat_msg & message) {
    ordered_json out = { { "content", message.content }, { "reasoning", message.reasoning_content } };
    out["calls"]     = ordered_json::array();
    for (const auto & call : message.tool_calls) {
        ordered_json item = { { "name", call.name }, { "arguments", call.arguments } };
        if (!call.id.empty()) {
            item["id"] = call.id;
        }
        out["calls"].push_back(item);
    }
    return out;
}

static ordered_json parse_output(const std::string & text, bool partial, const common_chat_parser_params & params) {
    try {
        return message_json(common_chat_parse(text, partial, params));
    } catch (const std::exception & error) {
        return { { "error", error.what() } };
    }
}

static common_chat_templates_inputs make_inputs(const ordered_json & test) {
    common_chat_templates_inputs inputs;
    inputs.messages = common_chat_msgs_parse_oaicompat(common_json::parse(test.at("messages").dump()));
    if (test.contains("tools")) {
        inputs.tools = common_chat_tools_parse_oaicompat(common_json::parse(test.at("tools").dump()));
    }
    inputs.tool_choice         = common_chat_tool_choice_parse_oaicompat(test.value("tool_choice", std::string("auto")));
    inputs.parallel_tool_calls = test.value("parallel_tool_calls", true);
    inputs.reasoning_format    = common_reasoning_format_from_name(test.value("reasoning_format", std::string("auto")));
    inputs.enable_thinking     = test.value("enable_thinking", true);
    if (test.contains("json_schema")) {
        inputs.json_schema = test.at("json_schema").dump();
    }
    if (test.contains("kwargs")) {
        for (const auto & item : test.at("kwargs").items()) {
            inputs.chat_template_kwargs[item.key()] = item.value().dump();
        }
    }
    return inputs;
}

static ordered_json run_case(const ordered_json & test) {
    auto templates = common_chat_templates_init(nullptr, read_file(test.at("template")), test.value("bos", std::string()),
                                                test.value("eos", std::string()));
    const auto inputs = make_inputs(test);
    const auto chat   = common_chat_templates_apply(templates.get(), inputs);

    common_chat_parser_params params(chat);
    params.reasoning_format = inputs.reasoning_format;
    if (!chat.parser.empty()) {
        params.parser.load(chat.parser);
    }

    ordered_json out = {
        { "prompt", chat.prompt },
        { "generation_prompt", chat.generation_prompt },
        { "format", common_chat_format_name(chat.format) },
        { "grammar", chat.grammar },
        { "grammar_lazy", chat.grammar_lazy },
        { "preserved", chat.preserved_tokens },
        { "stops", chat.additional_stops },
        { "thinking_start", chat.thinking_start_tag },
        { "thinking_ends", chat.thinking_end_tags },
    };
    out["triggers"] = ordered_json::array();
    for (const auto & trigger : chat.grammar_triggers) {
        out["triggers"].push_back(trigger.value);
    }
    out["results"] = ordered_json::array();
    for (const auto & output : test.at("outputs")) {
        const std::string text = output;
        out["results"].push_back({ { "whole", parse_output(text, false, params) }, { "partial", parse_output(text, true, params) } });
    }
    return out;
}

int main() {
    std::string line;
    while (std::getline(std::cin, line)) {
        ordered_json answer;
        try {
            answer = run_case(ordered_json::parse(line));
        } catch (const std::exception & error) {
            answer = { { "error", error.what() } };
        }
        std::cout << answer.dump(-1, ' ', false, ordered_json::error_handler_t::replace) << std::endl;
    }
    return 0;
}
