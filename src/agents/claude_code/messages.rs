//! Records to events: messages block by block, everything else as it is.

use std::{borrow::Cow, fmt};

use serde_json::Value;

use super::{
    super::media,
    facts::is_synthetic,
    human,
    parser::{Parser, Source},
    records::{Block, Body, Fields, Message, Word},
    results::{self, Outcome, mark},
    tools::{self, Call},
};
use crate::hail::{self, Content, EventType, Scanner, Text, attribute, title_of};

/// Makes the events of one record.
pub(super) fn read(parser: &mut Parser, source: &mut Source<'_>) {
    // Taken out, so that the record can be read while events are made of its message.
    let Some(mut message) = source.record.message.take() else { return other(parser, source) };
    let first = parser.events.end();
    match (source.record.kind(), message.content.take()) {
        ("user", Some(body)) => user(parser, source, body),
        ("assistant", Some(body)) => assistant(parser, source, &message, body),
        _ => {}
    }
    if parser.events.end() == first {
        whole(parser, source);
    } else {
        put_rest(parser, source, &message, first);
    }
    if source.record.kind() == "assistant" {
        mark_answer(parser, source, &message, first);
    }
}

/// Keeps what a message's record holds beside its content.
fn put_rest(parser: &mut Parser, source: &mut Source<'_>, message: &Message<'_>, first: usize) {
    // A result that could not be told to belong to one call.
    if let Some(result) = &source.record.result {
        parser.events[first].attributes.insert("source.tool_use_result", result.to_value());
    }
    let rest = std::mem::take(&mut source.record.rest);
    parser.put_rest(first, &rest, "source.fields");
    parser.put_rest(first, &message.rest, "source.message");
}

/// Marks the events of an answer with its message, its model and, in the end, what it cost.
pub(super) fn mark_answer(parser: &mut Parser, source: &Source<'_>, message: &Message<'_>, first: usize) {
    let model = message.model.as_deref();
    for index in first..parser.events.end() {
        let event = &mut parser.events[index];
        let facts = [(attribute::GROUP_ID, message.id.as_deref()), (attribute::MODEL, model)];
        for (key, fact) in facts {
            if let Some(fact) = fact.filter(|fact| !is_synthetic(fact)) {
                event.attributes.insert(key, fact.into());
            }
        }
    }
    if !model.is_some_and(is_synthetic) {
        parser.answers.note(&source.record, message, &mut parser.events);
    }
}

fn user(parser: &mut Parser, source: &mut Source<'_>, body: Body<'_>) {
    let mut said = Said { all_injected: human::is_injected_record(&source.record), ..Said::default() };
    match body {
        Body::Text(text) => said.text(text),
        Body::Object => {}
        Body::Blocks(blocks) => {
            let single = blocks.iter().filter(|block| is_result(block)).count() == 1;
            for (index, mut block) in blocks.into_iter().enumerate() {
                let text = if block.kind() == "text" { block.text.take() } else { None };
                match text {
                    Some(text) => said.text(text),
                    None if is_result(&block) => {
                        result(parser, source, (block, format_args!("/message/content/{index}")), single);
                    }
                    None => {
                        let whole = || json(source.part(&format!("/message/content/{index}")));
                        said.block(inline(&block).unwrap_or_else(whole));
                    }
                }
            }
        }
    }
    said.tell(parser, source);
}

/// What a `user` record says besides tool results.
#[derive(Default)]
struct Said {
    all_injected: bool,
    human: Vec<hail::Block>,
    injected: Vec<hail::Block>,
}

impl Said {
    fn text(&mut self, text: Text) {
        let is_injected = self.all_injected || human::is_injected_passage(&text);
        let blocks = if is_injected { &mut self.injected } else { &mut self.human };
        blocks.push(hail::Block::Text { text });
    }

    fn block(&mut self, block: hail::Block) {
        let blocks = if self.all_injected { &mut self.injected } else { &mut self.human };
        blocks.push(block);
    }

    fn tell(self, parser: &mut Parser, source: &mut Source<'_>) {
        if !self.injected.is_empty() {
            let reason = match &source.record {
                record if record.is_compact_summary => "compact_summary",
                record if record.is_meta => "meta",
                record if record.is_sidechain => "sidechain",
                _ => "text",
            };
            let content = Content { blocks: self.injected };
            parser.facts.note_command(&content);
            if reason == "sidechain" && !parser.facts.has_main_talk() {
                parser.facts.note_prompt(|| title_of(&content.to_text()));
            }
            let event = parser.push(source, EventType::SystemMessage, content);
            parser.events[event].attributes.insert("source.injected", reason.into());
        }
        if !self.human.is_empty() {
            let content = Content { blocks: self.human };
            parser.facts.note_prompt(|| title_of(human::without_reminders(&content.to_text())));
            parser.push(source, EventType::UserMessage, content);
        }
    }
}

fn assistant(parser: &mut Parser, source: &mut Source<'_>, message: &Message<'_>, body: Body<'_>) {
    // What the program makes up, such as "API Error", is no answer of a model.
    let is_made_up = message.model.as_deref().is_some_and(is_synthetic);
    let said = || if is_made_up { EventType::SystemMessage } else { EventType::AgentMessage };
    let blocks = match body {
        Body::Text(text) => {
            parser.push(source, said(), Content::text(text));
            return;
        }
        Body::Object => return,
        Body::Blocks(blocks) => blocks,
    };
    for (index, block) in blocks.into_iter().enumerate() {
        match block.kind() {
            "text" => {
                let event = parser.push(source, said(), Content::text(block.text.unwrap_or_default()));
                keep(&mut parser.events[event], "citations", block.citations);
            }
            // `signature` and the `data` of redacted thinking are left out: only the provider can
            // read them, and nobody has a use for them outside of the request they belong to.
            "thinking" => {
                parser.push(source, EventType::Thinking, Content::text(block.thinking.unwrap_or_default()));
            }
            "redacted_thinking" => {
                let event = parser.push(source, EventType::Thinking, Content::default());
                parser.events[event].attributes.insert("redacted", true.into());
            }
            "tool_use" | "server_tool_use" | "mcp_tool_use" => call(parser, source, block),
            _ if is_result(&block) => {
                result(parser, source, (block, format_args!("/message/content/{index}")), false);
            }
            kind => {
                let kind = format!("assistant/{kind}");
                let whole = source.part(&format!("/message/content/{index}"));
                parser.push(source, EventType::Custom { kind }, Content::json(whole));
            }
        }
    }
}

fn keep(event: &mut hail::Event, key: &'static str, raw: Option<&str>) {
    let value = raw.and_then(|raw| serde_json::from_str::<Value>(raw).ok());
    if let Some(value) = value.filter(|value| !value.is_null()) {
        event.attributes.insert(key, value);
    }
}

fn call(parser: &mut Parser, source: &mut Source<'_>, block: Block<'_>) {
    let name = Some(string_of(block.name)).filter(|name| !name.is_empty()).unwrap_or_else(|| "unknown".to_owned());
    let input = block.input.and_then(|raw| serde_json::from_str(raw).ok());
    let opened = tools::open(&name, input.unwrap_or_else(|| Value::Object(tools::Arguments::new())));
    let index = parser.push(source, opened.kind, opened.content);
    let id = string_of(block.id);
    let event = &mut parser.events[index];
    mark(event, &id);
    event.attributes.insert(attribute::TOOL_KIND, opened.group.into());
    if !matches!(event.event_type, EventType::ToolCall { .. }) {
        event.attributes.insert("source.tool_name", name.as_str().into());
    }
    if matches!(event.event_type, EventType::TaskStart { .. }) {
        event.task_id = Some(id.clone()).filter(|id| !id.is_empty());
    }
    if block.caller.is_some_and(|caller| !caller.contains("\"direct\"")) {
        keep(event, "caller", block.caller);
    }
    // Early and trimmed logs have calls without an id: the next result without one answers the last.
    let call = Call { event: index, name, arguments: opened.arguments };
    if results::completes(&event.event_type) {
        parser.events.hold(index);
    }
    if let Some(unanswered) = parser.calls.insert(id, call) {
        parser.forget(unanswered);
    }
}

fn string_of(word: Word<'_>) -> String {
    word.map(Cow::into_owned).unwrap_or_default()
}

fn is_result(block: &Block<'_>) -> bool {
    block.kind().ends_with("tool_result")
}

/// Makes the event of a result; `single` says that the record's `toolUseResult` is about it.
fn result(
    parser: &mut Parser,
    source: &mut Source<'_>,
    (mut block, pointer): (Block<'_>, fmt::Arguments<'_>),
    single: bool,
) {
    let id = string_of(block.tool_use_id.take());
    let call = parser.calls.remove(&id);
    let name = call.as_ref().map(|call| call.name.clone()).or_else(|| Some(block.name.take()?.into_owned()));
    let name = name.unwrap_or_else(|| "unknown".to_owned());
    let is_error = block.is_error;
    let blocks = output(source, block, pointer);
    let view = if single { source.record.result.take() } else { None };
    let outcome = Outcome::new(is_error, &blocks, view.as_ref());
    let is_task = matches!(name.as_str(), "Task" | "Agent");
    let ended =
        is_task && !outcome.is_error && outcome.fields.is_some_and(|fields| fields.value("isAsync") != Some(true));
    let kind = if ended {
        EventType::TaskEnd { summary: Some(title_of(&outcome.text())).filter(|summary| !summary.is_empty()) }
    } else {
        let call_id = Some(id.clone()).filter(|id| !id.is_empty());
        EventType::ToolResult { name: name.clone(), is_error: outcome.is_error, call_id }
    };
    if let Some(call) = call
        && let Some(event) = parser.closed(&call)
    {
        results::settle(event, call, &outcome);
    }
    let attributes = view.as_ref().map(|view| results::attributes(&name, view, &outcome));
    let duration = results::duration(&outcome);
    let index = parser.push(source, kind, Content { blocks });
    let event = &mut parser.events[index];
    event.attributes.extend(attributes.into_iter().flatten());
    mark(event, &id);
    event.task_id = is_task.then(|| id.clone()).filter(|id| !id.is_empty());
    event.duration_ms = duration;
}

/// The output of a tool as blocks.
fn output(source: &Source<'_>, block: Block<'_>, pointer: fmt::Arguments<'_>) -> Vec<hail::Block> {
    let parts = match (block.content, block.text) {
        (Some(Body::Text(text)), _) | (None, Some(text)) => return Content::text(text).blocks,
        (Some(Body::Object), _) => return vec![json(source.part(&format!("{pointer}/content")))],
        (Some(Body::Blocks(parts)), _) => parts,
        (None, None) => return Vec::new(),
    };
    let part = |(index, part): (usize, Block<'_>)| match part.kind() {
        "text" => hail::Block::Text { text: part.text.unwrap_or_default() },
        _ => inline(&part).unwrap_or_else(|| json(source.part(&format!("{pointer}/content/{index}")))),
    };
    parts.into_iter().enumerate().map(part).collect()
}

/// A picture, or a document too large to be kept inline.
fn inline(block: &Block<'_>) -> Option<hail::Block> {
    let source = Fields::of(block.source?)?;
    let [mime, data, url] = ["media_type", "data", "url"].map(|key| source.text(key));
    let mime = mime.as_deref().unwrap_or("application/octet-stream");
    match (block.kind(), data, url) {
        ("image", Some(data), _) => Some(media::image(mime, &data)),
        ("image", None, Some(url)) => Some(media::image_url(&url)),
        ("document", Some(data), _) => {
            Some(media::image(mime, &data)).filter(|block| matches!(block, hail::Block::Reference { .. }))
        }
        _ => None,
    }
}

fn json(data: Value) -> hail::Block {
    hail::Block::Json { data }
}

/// Keeps a record that is no message.
fn other(parser: &mut Parser, source: &mut Source<'_>) {
    let rest = std::mem::take(&mut source.record.rest);
    match source.record.kind() {
        "system" => system(parser, source, &rest),
        "tool_use" | "tool_result" if rest.text("name").is_some() => bare(parser, source, &rest),
        _ => {
            let is_queued = source.record.kind() == "attachment" && queued(parser, source, &rest).is_some();
            if !is_queued {
                custom(parser, source, &rest);
            }
        }
    }
}

fn custom(parser: &mut Parser, source: &mut Source<'_>, rest: &Fields<'_>) {
    if source.record.result.is_some() {
        return whole(parser, source);
    }
    let mut data = parser.fields(rest, Some);
    if let Some(progress) = &source.record.data {
        data.insert("data".to_owned(), parser.repeats.trim(progress));
    }
    data.insert("type".to_owned(), source.record.kind().into());
    if let Some(subtype) = &source.record.subtype {
        data.insert("subtype".to_owned(), subtype.as_ref().into());
    }
    let duration = data.get("durationMs").or_else(|| data.get("duration_ms")).and_then(Value::as_u64);
    let cost = data.get("total_cost_usd").filter(|_| source.record.kind() == "result").cloned();
    let kind = source.record.full_kind();
    let event = parser.push(source, EventType::Custom { kind }, Content::json(Value::Object(data)));
    parser.events[event].duration_ms = duration;
    if let Some(cost) = cost.filter(Value::is_number) {
        parser.events[event].attributes.insert(attribute::COST_USD, cost);
    }
}

/// Keeps a record as it stands.
fn whole(parser: &mut Parser, source: &mut Source<'_>) {
    let kind = source.record.full_kind();
    parser.push(source, EventType::Custom { kind }, Content::json(source.part("")));
}

/// A notice is a message; a boundary is a fact with numbers.
fn system(parser: &mut Parser, source: &mut Source<'_>, rest: &Fields<'_>) {
    let is_boundary = source.record.subtype.as_deref().is_some_and(|subtype| subtype.ends_with("_boundary"));
    match rest.text("content").filter(|text| !is_boundary && !text.is_empty()) {
        Some(text) => {
            let event = parser.push(source, EventType::SystemMessage, Content::text(text));
            parser.put_rest(event, rest, "source.fields");
            if let Some(Value::Object(fields)) = parser.events[event].attributes.get_mut("source.fields") {
                fields.remove("content");
            }
        }
        None => custom(parser, source, rest),
    }
}

/// Calls and results as records of their own, as version 1.9 is said to write them.
fn bare(parser: &mut Parser, source: &mut Source<'_>, rest: &Fields<'_>) {
    let name = rest.text("name");
    if source.record.kind() == "tool_use" {
        return call(parser, source, Block { name, input: rest.raw("input"), ..Block::default() });
    }
    let kind = Some("tool_result".into());
    let block = Block {
        kind,
        name,
        content: rest.raw("output").and_then(|raw| Scanner::whole(raw, Body::read)),
        ..Block::default()
    };
    result(parser, source, (block, format_args!("/output")), false);
}

/// A prompt that was typed while the agent was working reaches it as an attachment and is
/// recorded nowhere else.
fn queued(parser: &mut Parser, source: &mut Source<'_>, rest: &Fields<'_>) -> Option<()> {
    let attachment = rest.fields("attachment")?;
    let origin = attachment.fields("origin").and_then(|origin| origin.text("kind"));
    let is_prompt = attachment.text("type")? == "queued_command"
        && attachment.text("commandMode")? == "prompt"
        && attachment.value("isMeta") != Some(true)
        && origin.is_none_or(|origin| origin == "human");
    let body = Scanner::whole(attachment.raw("prompt").filter(|_| is_prompt)?, Body::read)?;
    let first = parser.events.end();
    let mut said = Said { all_injected: source.record.is_sidechain, ..Said::default() };
    match body {
        Body::Text(text) => said.text(text),
        Body::Object => return None,
        Body::Blocks(blocks) => {
            for (index, block) in blocks.into_iter().enumerate() {
                match block.text {
                    Some(text) => said.text(text),
                    None => said.block(
                        inline(&block).unwrap_or_else(|| json(source.part(&format!("/attachment/prompt/{index}")))),
                    ),
                }
            }
        }
    }
    said.tell(parser, source);
    let event = parser.events.get_mut(first)?;
    event.attributes.insert("source.attachment", "queued_command".into());
    Some(())
}
