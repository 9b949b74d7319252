//! What a commit says about a session.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{PROMPT_TRAILER, SESSION_TRAILER};
use crate::{
    forge::without_commands,
    hail::{SessionId, cut, is_invisible},
};

/// The longest prompt in a trailer, in characters.
const PROMPT_CHARS: usize = 72;

/// A session that had a part in a commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attribution {
    /// The session.
    pub session: SessionId,
    /// The agent.
    pub tool: String,
    /// Its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_version: Option<String>,
    /// The model.
    pub model: String,
    /// The prompt that led here, without secrets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
}

/// One kind of trailer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrailerKind {
    /// `AI-Session`
    Session,
    /// `AI-Tool`
    Tool,
    /// `AI-Prompt`
    Prompt,
    /// `Assisted-by`, the Linux kernel's convention
    AssistedBy,
}

/// A name that is no kind of trailer.
#[derive(Debug, Error)]
#[error("'{name}' is not a trailer; known are session, tool, prompt, assisted-by")]
pub struct UnknownTrailer {
    name: String,
}

impl TrailerKind {
    /// What is written unless `opensession.trailers` says otherwise.
    pub const DEFAULT: [Self; 3] = [Self::Session, Self::Tool, Self::Prompt];

    /// What is written where the words of a prompt are not to be in a commit message.
    pub const WITHOUT_PROMPT: [Self; 2] = [Self::Session, Self::Tool];

    const ALL: [(&'static str, Self); 4] =
        [("session", Self::Session), ("tool", Self::Tool), ("prompt", Self::Prompt), ("assisted-by", Self::AssistedBy)];

    /// The default as the setting spells it.
    #[must_use]
    pub fn default_list() -> &'static str {
        "session,tool,prompt"
    }

    /// The name in the setting.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, kind)| *kind == self).map_or("", |(name, _)| name)
    }

    /// Reads a comma-separated list; the kinds are always written in the same order.
    ///
    /// # Errors
    /// When a name is unknown.
    pub fn parse_list(list: &str) -> Result<Vec<Self>, UnknownTrailer> {
        let names: Vec<&str> = list.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
        let unknown = names.iter().find(|name| !Self::ALL.iter().any(|(known, _)| known == *name));
        if let Some(name) = unknown {
            return Err(UnknownTrailer { name: (*name).to_owned() });
        }
        Ok(Self::ALL.iter().filter(|(name, _)| names.contains(name)).map(|(_, kind)| *kind).collect())
    }
}

impl Attribution {
    /// The trailer lines, in order.
    #[must_use]
    pub fn trailers(&self, kinds: &[TrailerKind]) -> Vec<String> {
        kinds.iter().filter_map(|kind| self.trailer(*kind)).collect()
    }

    fn trailer(&self, kind: TrailerKind) -> Option<String> {
        let (tool, model) = (harmless(&self.tool), harmless(&self.model));
        match kind {
            TrailerKind::Session => Some(format!("{SESSION_TRAILER}: {}", self.session)),
            TrailerKind::Tool | TrailerKind::AssistedBy if tool.is_empty() => None,
            TrailerKind::Tool => {
                let version = self.tool_version.as_deref().map(|version| format!("/{}", harmless(version)));
                let model = if model.is_empty() { String::new() } else { format!(" ({model})") };
                Some(format!("AI-Tool: {tool}{}{model}", version.unwrap_or_default()))
            }
            TrailerKind::Prompt => {
                // What is cut off may have kept the rest from being a reference.
                let prompt = without_commands(&cut(&harmless(self.prompt.as_deref()?), PROMPT_CHARS));
                (!prompt.is_empty()).then(|| format!("{PROMPT_TRAILER}: {prompt}"))
            }
            TrailerKind::AssistedBy => Some(if model.is_empty() {
                format!("Assisted-by: {tool}")
            } else {
                format!("Assisted-by: {tool}:{model}")
            }),
        }
    }
}

/// One line that no host obeys.
fn harmless(text: &str) -> String {
    without_commands(&one_line(text))
}

/// One line of printable words: what an agent wrote must not add lines to a commit message.
pub(super) fn one_line(text: &str) -> String {
    let seen = text.chars().filter(|character| !is_invisible(*character));
    let clean: String = seen.map(|character| if character.is_control() { ' ' } else { character }).collect();
    clean.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::{Attribution, TrailerKind};

    #[test]
    fn a_trailer_is_one_line_of_bounded_length() {
        let attribution = Attribution {
            session: "abc".parse().expect("an id"),
            tool: "claude-code".to_owned(),
            tool_version: Some("2.1\nInjected: yes".to_owned()),
            model: "m".to_owned(),
            prompt: Some(format!("first\u{1b}[31m {}", "long ".repeat(40))),
        };
        let lines = attribution.trailers(&TrailerKind::DEFAULT);
        assert_eq!(lines[1], "AI-Tool: claude-code/2.1 Injected: yes (m)");
        assert!(lines[2].chars().count() <= "AI-Prompt: ".len() + 72 && !lines[2].contains('\u{1b}'));
        assert_eq!(attribution.trailers(&[TrailerKind::AssistedBy]), ["Assisted-by: claude-code:m"]);
    }

    #[test]
    fn no_value_holds_what_a_host_obeys() {
        let attribution = Attribution {
            session: "abc".parse().expect("an id"),
            tool: "tool[skip ci]".to_owned(),
            tool_version: Some("@ann".to_owned()),
            model: "closes #34".to_owned(),
            prompt: Some(format!("Do{} not [skip\u{200b} ci] {}PROJ-12345", "\u{feff}", "x ".repeat(23))),
        };
        let lines = attribution.trailers(&[TrailerKind::Tool, TrailerKind::Prompt, TrailerKind::AssistedBy]);
        assert_eq!(lines[0], r#"AI-Tool: tool(skip "ci")/(at)ann (closes (#)34)"#);
        assert!(lines[1].starts_with(r#"AI-Prompt: Do not (skip "ci") x x"#), "{}", lines[1]);
        assert!(!lines[1].contains("PROJ-"), "{}", lines[1]);
        assert_eq!(lines[2], r#"Assisted-by: tool(skip "ci"):closes (#)34"#);
    }

    #[test]
    fn reads_the_setting_in_any_order_and_names_what_it_does_not_know() {
        let kinds = TrailerKind::parse_list("prompt, session").expect("known names");
        assert_eq!(kinds, [TrailerKind::Session, TrailerKind::Prompt]);
        let fault = TrailerKind::parse_list("session,foo").expect_err("an unknown name").to_string();
        assert!(fault.contains("'foo'"), "{fault}");
    }
}
