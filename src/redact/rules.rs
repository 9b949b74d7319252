//! The table of rules, and where in a text they may apply.

use std::{fmt, ops::Range, sync::OnceLock};

use regex::bytes::{Regex, RegexBuilder};
use serde::Deserialize;

use super::{
    Profile, Settings,
    home::Homes,
    keywords::{Keywords, LEAST},
};

/// The rules as they are kept in the repository, in the order of their precedence;
/// `rules/README.md` explains the fields.
pub(super) const SOURCES: [&str; 9] = [
    include_str!("rules/private-keys.toml"),
    include_str!("rules/ai.toml"),
    include_str!("rules/code.toml"),
    include_str!("rules/cloud.toml"),
    include_str!("rules/services.toml"),
    include_str!("rules/commands.toml"),
    include_str!("rules/web.toml"),
    include_str!("rules/by-name.toml"),
    include_str!("rules/text.toml"),
];

/// How many bytes a pattern may look at, from its keyword on, unless the rule says otherwise.
const REACH: usize = 1024;

/// The rules could not be loaded: nothing may be stored.
#[derive(Debug, thiserror::Error)]
#[error("the redaction rules do not load: {cause}")]
pub struct RulesError {
    cause: String,
}

impl RulesError {
    pub(super) fn new(cause: impl Into<String>) -> Self {
        Self { cause: cause.into() }
    }

    pub(super) fn missing(detector: Detector) -> Self {
        Self::new(format!("no rule has the detector {detector:?}"))
    }
}

/// One kind of secret.
#[derive(Deserialize)]
pub(super) struct Rule {
    pub(super) id: String,
    #[serde(default)]
    keywords: Vec<String>,
    #[serde(default)]
    pattern: String,
    #[serde(default)]
    pub(super) detector: Detector,
    #[serde(default)]
    pub(super) loose: bool,
    #[serde(default = "default_reach")]
    pub(super) reach: usize,
    #[serde(default)]
    pub(super) before: usize,
    #[serde(default)]
    pub(super) entropy: f32,
    #[serde(default)]
    pub(super) allow: Vec<String>,
    /// Words that make a match harmless where one stands near it.
    #[serde(default)]
    pub(super) unless: Vec<String>,
    #[serde(default)]
    pub(super) check: Check,
    /// The files that a detector of files looks into.
    #[serde(default)]
    pub(super) files: Vec<String>,
    /// Where a command may have a secret, for the detectors of commands.
    #[serde(default)]
    pub(super) options: Vec<String>,
    /// Which argument of a function is the secret, from 1.
    #[serde(default)]
    pub(super) argument: usize,
    #[serde(default)]
    pub(super) only: Only,
    #[serde(skip)]
    regex: OnceLock<Option<Regex>>,
}

/// What decides whether a secret stands at a keyword.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Detector {
    #[default]
    Pattern,
    PrivateKey,
    BasicCredentials,
    HomeDirectory,
    Assignment,
    Service,
    /// The pattern, wherever it matches.
    Everywhere,
    /// The pattern, where it matches a whole run of letters and digits that is long.
    Run,
    /// All that stands in a file.
    CredentialFile,
    /// A word of a command.
    Command,
    /// What another command prints into one.
    Piped,
    /// The password in `user:password` before the keyword.
    Before,
    /// An argument of a function.
    Argument,
    /// The fields of a table or of an `INSERT` below a column named so.
    Column,
    /// The values of a Kubernetes secret.
    Manifest,
    /// The values of variables that a command printed.
    Environment,
    /// A value whose name stands beside it, as in `{"name": …, "value": …}`.
    NameAndValue,
}

/// What a user must ask for to have a rule applied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Only {
    /// Nothing.
    #[default]
    Always,
    Strict,
    Emails,
    IpAddresses,
}

impl Only {
    fn is_met(self, settings: &Settings) -> bool {
        match self {
            Self::Always => true,
            Self::Strict => settings.profile == Profile::Strict,
            Self::Emails => settings.emails,
            Self::IpAddresses => settings.ip_addresses,
        }
    }
}

/// A pattern of the user's.
#[derive(Clone, Debug)]
pub(super) struct UserPattern {
    id: String,
    regex: Regex,
}

impl UserPattern {
    pub(super) fn new(id: &str, pattern: &str) -> Result<Self, RulesError> {
        if !is_id(id) {
            return Err(RulesError::new(format!("the id '{id}' has other characters than a-z, 0-9 and -")));
        }
        let regex = RegexBuilder::new(pattern).unicode(false).build();
        let regex = regex.map_err(|fault| RulesError::new(format!("the pattern '{pattern}': {fault}")))?;
        if regex.is_match(b"") {
            return Err(RulesError::new(format!("the pattern '{pattern}' matches the empty text")));
        }
        Ok(Self { id: id.to_owned(), regex })
    }

    fn rule(&self) -> Rule {
        Rule {
            id: self.id.clone(),
            keywords: Vec::new(),
            pattern: self.regex.as_str().to_owned(),
            detector: Detector::Everywhere,
            loose: true,
            reach: 0,
            before: 0,
            entropy: 0.0,
            allow: Vec::new(),
            unless: Vec::new(),
            check: Check::None,
            files: Vec::new(),
            options: Vec::new(),
            argument: 0,
            only: Only::Always,
            regex: OnceLock::from(Some(self.regex.clone())),
        }
    }
}

/// What a match of a pattern must be besides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Check {
    #[default]
    None,
    Random,
    SomeRandom,
    Literal,
    /// What a generator makes, object ids included.
    Generated,
    /// Mixed as passwords are.
    Mixed,
    /// The same, with a sign among its letters.
    Pair,
}

/// The rules, ready to be applied.
pub(super) struct Rules {
    all: Vec<Rule>,
    keywords: Keywords<Candidate>,
    /// The indices of the rules that no keyword announces.
    everywhere: Vec<usize>,
    /// The indices of the rules of long runs of letters and digits.
    runs: Vec<usize>,
}

/// What may stand where a keyword stands.
#[derive(Clone, Copy)]
pub(super) enum Candidate {
    /// What the rule of this index looks for.
    Rule(usize),
    /// A home directory that is known.
    Home,
}

#[derive(Deserialize)]
struct Table {
    rule: Vec<Rule>,
}

fn default_reach() -> usize {
    REACH
}

impl Rule {
    /// The pattern, compiled when it is first needed; `None` when it does not compile.
    pub(super) fn regex(&self) -> Option<&Regex> {
        let anchor = if self.detector == Detector::Everywhere { "" } else { "^" };
        let compile = || RegexBuilder::new(&format!("{anchor}(?:{})", self.pattern)).unicode(false).build().ok();
        self.regex.get_or_init(compile).as_ref()
    }
}

impl Rule {
    /// Refuses a rule that could not do what it says; `number` names one without an id.
    fn verify(&self, number: usize) -> Result<(), RulesError> {
        let everywhere = matches!(self.detector, Detector::Everywhere | Detector::Run | Detector::CredentialFile);
        if !is_id(&self.id)
            || self.keywords.iter().any(|keyword| keyword.len() < LEAST)
            || self.keywords.is_empty() != everywhere
        {
            return Err(RulesError::new(format!(
                "rule {number} needs an id of a-z, 0-9 and -, and keywords of three letters"
            )));
        }
        if matches!(self.detector, Detector::Everywhere | Detector::Run | Detector::Pattern) == self.pattern.is_empty()
        {
            return Err(RulesError::new(format!("rule {} needs either a pattern or a detector", self.id)));
        }
        Ok(())
    }
}

impl fmt::Debug for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rules").field("rules", &self.all.len()).finish_non_exhaustive()
    }
}

impl Rules {
    /// Reads the tables; patterns are compiled later, each when first needed.
    pub(super) fn load(sources: &[&str], settings: &Settings, homes: &Homes) -> Result<Self, RulesError> {
        let mut all = Vec::new();
        for source in sources {
            let Table { rule } = toml::from_str(source).map_err(|fault| RulesError::new(fault.to_string()))?;
            all.extend(rule);
        }
        for (index, rule) in all.iter().enumerate() {
            rule.verify(index + 1)?;
        }
        all.retain(|rule| rule.only.is_met(settings));
        all.extend(settings.patterns().iter().map(UserPattern::rule));
        let heeds_case = |rule: &Rule| rule.detector == Detector::Pattern && !rule.pattern.contains("(?i");
        let keywords = all.iter().enumerate().flat_map(|(index, rule)| {
            rule.keywords.iter().map(move |keyword| (Candidate::Rule(index), keyword.as_str(), heeds_case(rule)))
        });
        let keywords = keywords.chain(homes.known().iter().map(|home| (Candidate::Home, home.as_str(), true)));
        let keywords = Keywords::new(keywords).ok_or_else(|| RulesError::new("there are too many keywords"))?;
        let of = |detector| (0..all.len()).filter(|index| all[*index].detector == detector).collect();
        let (everywhere, runs) = (of(Detector::Everywhere), of(Detector::Run));
        Ok(Self { all, keywords, everywhere, runs })
    }

    /// Tells `found` every place in `text` where a keyword begins within `stretch`, and what it announces;
    /// returns where to go on.
    pub(super) fn candidates(
        &self,
        text: &str,
        stretch: Range<usize>,
        found: impl FnMut(Candidate, Range<usize>),
    ) -> usize {
        self.keywords.find(text.as_bytes(), stretch, found)
    }

    /// How many rules there are.
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    pub(super) fn rule(&self, index: usize) -> &Rule {
        &self.all[index]
    }

    /// The rules that no keyword announces.
    pub(super) fn everywhere(&self) -> impl Iterator<Item = (usize, &Rule)> {
        self.everywhere.iter().map(|index| (*index, &self.all[*index]))
    }

    /// The first rule of which `run` is a secret as a whole.
    pub(super) fn of_run(&self, run: &[u8]) -> Option<usize> {
        // Every path is a run, and every UUID: few are as long as a secret.
        let is_one = |rule: &Rule| rule.reach == run.len() && rule.regex().is_some_and(|regex| regex.is_match(run));
        self.runs.iter().copied().find(|index| is_one(&self.all[*index]))
    }

    /// Whether there is a rule of this id.
    pub(super) fn has(&self, id: &str) -> bool {
        self.all.iter().any(|rule| rule.id == id)
    }

    /// The index of the first rule with this detector.
    pub(super) fn position(&self, detector: Detector) -> Option<usize> {
        self.all.iter().position(|rule| rule.detector == detector)
    }
}

fn is_id(id: &str) -> bool {
    !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::{Detector, Homes, Rules, SOURCES};
    use crate::redact::{Profile, Settings};

    #[test]
    fn every_pattern_compiles() {
        let rules = Rules::load(&SOURCES, &Settings::of(Profile::Strict), &Homes::new(&[])).expect("loads");
        for rule in rules.all.iter().filter(|rule| rule.detector == Detector::Pattern) {
            assert!(rule.regex().is_some(), "{}", rule.id);
        }
    }

    #[test]
    fn a_table_with_a_fault_is_refused() {
        for source in [
            "",
            "rule = 1",
            "[[rule]]\nid = 'x'\nkeywords = []\npattern = 'x'",
            "[[rule]]\nid = 'x'\nkeywords = ['']\npattern = 'x'",
            "[[rule]]\nid = 'x'\nkeywords = ['x']",
            "[[rule]]\nid = 'x'\nkeywords = ['x']\npattern = 'x'\ndetector = 'assignment'",
            "[[rule]]\nid = 'x'\nkeywords = ['x']\ndetector = 'unheard-of'",
            "[[rule]]\nid = 'X:'\nkeywords = ['x']\npattern = 'x'",
        ] {
            assert!(Rules::load(&[source], &Settings::default(), &Homes::new(&[])).is_err(), "{source}");
        }
    }
}
