//! The sessions of commits that are being made into one.

use super::{Attribution, Encoding, SESSION_TRAILER};

/// The attributions in the messages that git collects for a squash or a fixup: indented by `merge
/// --squash`, commented out where `rebase` is going to skip a message.
#[must_use]
pub fn squashed(collected: &[u8], comment: &str, encoding: Encoding) -> Vec<Attribution> {
    let text = encoding.decode(collected);
    let mut attributions: Vec<Attribution> = Vec::new();
    let (mut open, mut tool) = (None, Tool::default());
    for line in text.lines() {
        let line = line.strip_prefix(comment).unwrap_or(line).trim();
        let Some((key, value)) = line.split_once(": ") else {
            open = None;
            continue;
        };
        if key.eq_ignore_ascii_case(SESSION_TRAILER) {
            let Ok(session) = value.trim().parse() else { continue };
            // A trailer that would be there twice is written once, so a session may share the tool.
            let Tool { name, version, model } = tool.clone();
            attributions.push(Attribution { session, tool: name, tool_version: version, model, prompt: None });
            open = attributions.len().checked_sub(1);
        } else if let Some(attribution) = open.and_then(|index| attributions.get_mut(index)) {
            if key == "AI-Tool" {
                tool = Tool::parse(value);
                let Tool { name, version, model } = tool.clone();
                (attribution.tool, attribution.tool_version, attribution.model) = (name, version, model);
            } else if key == "AI-Prompt" {
                attribution.prompt = Some(value.to_owned());
            }
        }
    }
    let mut seen = std::collections::HashSet::new();
    attributions.retain(|attribution| seen.insert(attribution.session.clone()));
    attributions
}

/// What an `AI-Tool` trailer says.
#[derive(Clone, Default)]
struct Tool {
    name: String,
    version: Option<String>,
    model: String,
}

impl Tool {
    /// Reads `name/version (model)`.
    fn parse(value: &str) -> Self {
        let (tool, model) = value.strip_suffix(')').and_then(|rest| rest.rsplit_once(" (")).unwrap_or((value, ""));
        let (name, version) = tool.split_once('/').map_or((tool, None), |(name, version)| (name, Some(version)));
        Self { name: name.to_owned(), version: version.map(str::to_owned), model: model.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::{Encoding, squashed};

    #[test]
    fn reads_what_merge_and_rebase_collect() {
        let merge = "Squashed commit of the following:\n\ncommit 1\n\n    b\n\n    AI-Session: bbbb\n    AI-Tool: codex/0.9 (gpt 5)\n    AI-Prompt: B\n\ncommit 2\n\n    AI-Session: aaaa\n    AI-Prompt: A\n";
        let found = squashed(merge.as_bytes(), "#", Encoding::Utf8);
        let trailers: Vec<String> = found
            .iter()
            .flat_map(|attribution| attribution.trailers(&crate::attribution::TrailerKind::DEFAULT))
            .collect();
        assert_eq!(
            trailers,
            [
                "AI-Session: bbbb",
                "AI-Tool: codex/0.9 (gpt 5)",
                "AI-Prompt: B",
                "AI-Session: aaaa",
                "AI-Tool: codex/0.9 (gpt 5)",
                "AI-Prompt: A"
            ]
        );
        let rebase = "; This is the 1st commit message:\n\nb\n\nAI-Session: bbbb\n\n; The commit message #2 will be skipped:\n\n; c\n;\n; AI-Session: cccc\n; AI-Session: bbbb\n";
        let ids: Vec<String> = squashed(rebase.as_bytes(), ";", Encoding::Utf8)
            .iter()
            .map(|attribution| attribution.session.to_string())
            .collect();
        assert_eq!(ids, ["bbbb", "cccc"]);
    }

    #[test]
    fn a_message_without_sessions_has_none() {
        assert_eq!(squashed(b"title: x\n\nprose about AI-Session: aaaa\n", "#", Encoding::Utf8), []);
    }
}
