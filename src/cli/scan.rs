//! The `scan` command.

use std::{io::Read, path::PathBuf};

use serde::Serialize;
use serde_json::Value;

use super::reference::{self, Named};
use crate::{
    capture::named,
    config,
    context::Context,
    error::{Error, Result},
    hail::Session,
    ledger::Listed,
    redact::{FieldFinding, Profile, Redactor, Settings},
    report::{Present, Report, View, counted},
    system::files,
};

/// Scan sessions, logs or plain text for secrets
///
/// REF is what `git session show` takes: a session, the log of an agent, or - for standard input. The
/// exit code is 1 where something was found, 0 where nothing was. What was found is never shown, only
/// where it is and which rule found it.
#[derive(clap::Args)]
pub(super) struct Args {
    /// What to look at
    #[arg(value_name = "REF", default_value = "HEAD", conflicts_with = "all")]
    reference: String,
    /// Look at every session that is stored here
    #[arg(long, conflicts_with = "text")]
    all: bool,
    /// Take the file, or standard input, for plain text
    #[arg(long)]
    text: bool,
    /// How much counts as a secret: default or strict
    #[arg(long, value_name = "PROFILE")]
    profile: Option<String>,
}

/// A secret in a field of a session.
#[derive(Serialize)]
struct Found {
    schema_version: u32,
    session: String,
    /// The number of the event, from 1; none where it is in the header or the metadata.
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_id: Option<String>,
    field: String,
    rule: String,
}

/// A secret in a text.
#[derive(Serialize)]
struct Place {
    /// The line on which it begins, from 1.
    line: usize,
    /// Where it begins in that line, in bytes.
    start: usize,
    /// Where it ends in that line, in bytes.
    end: usize,
    rule: String,
}

struct Answer<T> {
    found: Vec<T>,
    looked_at: usize,
}

impl<T: Serialize + Row> Present for Answer<T> {
    fn json(&self) -> Value {
        serde_json::to_value(&self.found).expect("an answer has string keys only")
    }

    fn view(&self) -> View {
        self.describe_all()
    }
}

/// What a finding is for people.
trait Row {
    const HEAD: &'static [&'static str];
    const WHAT: &'static str;
    fn row(&self) -> Vec<String>;
}

impl Row for Found {
    const HEAD: &'static [&'static str] = &["session", ">event", "field", "rule"];
    const WHAT: &'static str = "session";

    fn row(&self) -> Vec<String> {
        let event = self.event.map(|event| event.to_string()).unwrap_or_default();
        vec![self.session.clone(), event, self.field.clone(), self.rule.clone()]
    }
}

impl Row for Place {
    const HEAD: &'static [&'static str] = &[">line", ">start", ">end", "rule"];
    const WHAT: &'static str = "line";

    fn row(&self) -> Vec<String> {
        vec![self.line.to_string(), self.start.to_string(), self.end.to_string(), self.rule.clone()]
    }
}

impl<T: Row> Answer<T> {
    fn describe_all(&self) -> View {
        let view = View::default();
        let view =
            if self.found.is_empty() { view } else { view.table(T::HEAD, self.found.iter().map(Row::row).collect()) };
        let count = match self.found.len() {
            0 => "no secret".to_owned(),
            count => counted(count, "secret"),
        };
        view.paragraph(format!("{count} found in {}", counted(self.looked_at, T::WHAT)))
    }
}

pub(super) fn run(context: &Context, arguments: &Args) -> Result<Report> {
    let redactor = redactor(context, arguments)?;
    if arguments.text {
        return text(context, arguments, &redactor);
    }
    let (mut found, mut failures, mut looked_at) = (Vec::new(), Vec::new(), 0);
    if arguments.all {
        let repository = context.repository()?;
        let (sessions, unread) = reference::all(context)?;
        failures = unread;
        for listed in &sessions {
            add_metadata(&mut found, &redactor, listed);
            let Some(_) = listed.hail else { continue };
            let session = listed.read(repository).map_err(Error::from).and_then(|bytes| reference::read_stored(&bytes));
            match session {
                Ok(session) => add(&mut found, &redactor, &listed.key.to_string(), &session),
                Err(fault) => failures.push(fault.during(listed.key.to_string())),
            }
            looked_at += 1;
        }
    } else {
        for named in reference::resolve(context, &arguments.reference)? {
            match named {
                Named::File(session) => add(&mut found, &redactor, session.header.session_id.as_str(), &session),
                Named::Stored(listed) => {
                    let session = reference::read_stored(&listed.read(context.repository()?)?)?;
                    add(&mut found, &redactor, &listed.key.to_string(), &session);
                    add_metadata(&mut found, &redactor, &listed);
                }
            }
            looked_at += 1;
        }
    }
    let fix = found.first().map(|first| first.session.clone()).filter(|_| is_stored(context, arguments));
    let mut report = report(Answer { found, looked_at });
    report.failures = failures;
    report.notes.extend(fix.map(|id| format!("to remove it from the ledger: git session redact {id}")));
    Ok(report)
}

/// Whether what was looked at is a session that is stored.
fn is_stored(context: &Context, arguments: &Args) -> bool {
    arguments.all || (arguments.reference != "-" && !context.path(arguments.reference.as_ref()).is_file())
}

fn report<T: Serialize + Row + 'static>(answer: Answer<T>) -> Report {
    let is_clean = answer.found.is_empty();
    let mut report = Report::new(answer);
    report.is_good = is_clean;
    report.is_long = true;
    report
}

/// The redactor of the repository around, if there is one: its settings count.
fn redactor(context: &Context, arguments: &Args) -> Result<Redactor> {
    let mut settings = match context.repository() {
        Ok(repository) => config::redaction(repository)?,
        Err(_) => Settings::default(),
    };
    if let Some(name) = &arguments.profile {
        let profile: Profile = name.parse().map_err(|fault| Error::usage(format!("{fault}")))?;
        if profile == Profile::Off {
            return Err(Error::usage("the profile off finds nothing").hinted("git session scan --profile strict"));
        }
        settings.profile = profile;
    }
    // Nothing is replaced, so no key is needed.
    Ok(Redactor::new(&settings, b"", &[])?)
}

fn add(found: &mut Vec<Found>, redactor: &Redactor, id: &str, session: &Session) {
    let of = |event: Option<usize>, event_id: Option<&str>, finding: FieldFinding| Found {
        schema_version: 1,
        session: id.to_owned(),
        event,
        event_id: event_id.map(str::to_owned),
        field: finding.field,
        rule: finding.rule,
    };
    found.extend(redactor.header_findings(&session.header).into_iter().map(|finding| of(None, None, finding)));
    for (index, event) in session.events.iter().enumerate() {
        let findings = redactor.event_findings(event).into_iter();
        found.extend(findings.map(|finding| of(Some(index + 1), Some(&event.event_id), finding)));
    }
}

/// Adds what is found in what is stored beside a session.
fn add_metadata(found: &mut Vec<Found>, redactor: &Redactor, listed: &Listed) {
    let metadata = serde_json::to_value(&listed.meta).expect("metadata has string keys only");
    let of = |FieldFinding { field, rule }| Found {
        schema_version: 1,
        session: listed.key.to_string(),
        event: None,
        event_id: None,
        field: format!("metadata.{field}"),
        rule,
    };
    found.extend(redactor.metadata_findings(&metadata).into_iter().map(of));
}

fn text(context: &Context, arguments: &Args, redactor: &Redactor) -> Result<Report> {
    let bytes = if arguments.reference == "-" {
        let mut bytes = Vec::new();
        std::io::stdin().lock().read_to_end(&mut bytes)?;
        bytes
    } else {
        let path: PathBuf = context.path(arguments.reference.as_ref());
        files::read(&path, files::LARGE)
            .map_err(|fault| named(&path, fault).hinted("--text takes a file, or - for standard input"))?
    };
    let text = of_same_length(&bytes);
    let found = places(redactor, &text);
    Ok(report(Answer { found, looked_at: text.lines().count() }))
}

fn places(redactor: &Redactor, text: &str) -> Vec<Place> {
    let (mut line, mut begin) = (1, 0);
    let place = |finding: crate::redact::Finding<'_>| {
        // They come in order, so every line is passed once.
        while let Some(end) = memchr::memchr(b'\n', &text.as_bytes()[begin..finding.range.start]) {
            line += 1;
            begin += end + 1;
        }
        let rest = &text.as_bytes()[finding.range.start..];
        let end = memchr::memchr(b'\n', rest).map_or(text.len(), |end| finding.range.start + end);
        let end = finding.range.end.min(end);
        Place { line, start: finding.range.start - begin, end: end - begin, rule: finding.rule.to_owned() }
    };
    redactor.findings(text).into_iter().map(place).collect()
}

/// A text with every byte where it was: what is no UTF-8 becomes question marks.
fn of_same_length(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| '?'));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{of_same_length, places};
    use crate::redact::{Redactor, Settings};

    #[test]
    fn bytes_that_are_no_text_keep_their_places() {
        assert_eq!(of_same_length(b"a\xff\xfe\xc3b"), "a???b");
        let mut settings = Settings::default();
        settings.add_pattern("ticket", "T-[0-9]+(?s:.two)?").expect("a pattern");
        let redactor = Redactor::new(&settings, b"", &[]).expect("the rules load");
        let found = places(&redactor, "T-1 \u{e4} T-2\n\nx T-3\ntwo\n");
        let found: Vec<_> = found.iter().map(|place| (place.line, place.start, place.end)).collect();
        assert_eq!(found, [(1, 0, 3), (1, 7, 10), (3, 2, 5)]);
    }
}
