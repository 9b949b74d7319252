//! The figures in `docs/redaction.md`: what is found of labelled secrets, and what of real sessions is
//! taken for one.
//!
//! `GIT_SESSION_DATA` names the folder with `redaction/*.jsonl` and `corpus/<agent>/…`;
//! `GIT_SESSION_UPDATE_DOCS=1` rewrites the table rather than comparing it.

use std::{collections::HashSet, env, fs, path::Path};

use git_session::{
    hail::Canonical,
    redact::{Profile, Redactor, Settings},
};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::agents::corpus::{corpus, data, files_below, reason, sessions};

const BEGIN: &str = "<!-- figures:begin -->\n";
const END: &str = "<!-- figures:end -->";

/// What one half of the labelled texts, or all of them, say of a profile.
#[derive(Clone, Copy, Default)]
struct Tally {
    secrets: u32,
    found: u32,
    found_escaped: u32,
    others: u32,
    taken: u32,
}

impl Tally {
    fn add(&mut self, redactor: &Redactor, text: &str, is_secret: bool) {
        let hit = |text: &str| u32::from(!redactor.findings(text).is_empty());
        if is_secret {
            self.secrets += 1;
            self.found += hit(text);
            self.found_escaped += hit(&Value::from(text).to_string());
        } else {
            self.others += 1;
            self.taken += hit(text);
        }
    }

    fn recall(&self) -> f64 {
        f64::from(self.found) / f64::from(self.secrets)
    }

    fn recall_escaped(&self) -> f64 {
        f64::from(self.found_escaped) / f64::from(self.secrets)
    }

    fn precision(&self) -> f64 {
        f64::from(self.found) / f64::from(self.found + self.taken)
    }

    fn taken(&self) -> f64 {
        f64::from(self.taken) / f64::from(self.others)
    }
}

/// The tallies of the first half, of the second, and of all rows that `counts` lets in.
fn tallies(data: &Path, file: &str, redactor: &Redactor, counts: impl Fn(&Value) -> bool) -> [Tally; 3] {
    let text = fs::read_to_string(data.join("redaction").join(file)).expect("the labelled texts");
    let mut tallies = [Tally::default(); 3];
    for row in text.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON")).filter(counts) {
        let (text, is_secret) = (row["text"].as_str().expect("text"), row["secret"].as_bool().expect("a label"));
        let half = usize::from(Sha256::digest(text)[0] & 1);
        tallies[half].add(redactor, text, is_secret);
        tallies[2].add(redactor, text, is_secret);
    }
    tallies
}

/// How much of the secrets in forms that people type and programs print is found: the whole of each value.
fn forms(data: &Path, redactor: &Redactor) -> f64 {
    let text = fs::read_to_string(data.join("redaction-forms/forms.jsonl")).expect("the forms");
    let (mut all, mut found) = (0, 0);
    for row in text.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON")) {
        let (text, value) = (row["text"].as_str().expect("text"), row["value"].as_str().expect("a value"));
        let start = text.find(value).expect("the value is in the text");
        let mut covered = start;
        for finding in redactor.findings(text).into_iter().filter(|finding| finding.range.start <= start) {
            covered = covered.max(finding.range.end);
        }
        all += 1;
        found += u32::from(covered >= start + value.len());
    }
    f64::from(found) / f64::from(all)
}

/// What of real sessions is redacted.
#[derive(Default)]
struct Real {
    bytes: usize,
    redacted: usize,
    ids: Vec<String>,
}

fn real(corpus: &Path, redactors: &[Redactor]) -> Vec<Real> {
    let mut real: Vec<Real> = redactors.iter().map(|_| Real::default()).collect();
    for path in files_below(corpus).into_iter().filter(|path| reason(path).is_none()) {
        let Ok((_, sessions)) = sessions(&path) else { continue };
        for lines in sessions.iter().map(lines) {
            let ids: HashSet<String> = lines.iter().flat_map(|line| ids(line)).collect();
            for (redactor, real) in redactors.iter().zip(&mut real) {
                for line in &lines {
                    real.bytes += line.len();
                    for finding in redactor.findings(line) {
                        let found = &line[finding.range];
                        real.redacted += found.len();
                        let is_id = ids.contains(found) || is_object_id(found) || is_uuid(found);
                        real.ids.extend(is_id.then(|| found.to_owned()));
                    }
                }
            }
        }
    }
    real
}

fn lines(session: &Canonical) -> Vec<String> {
    let text = String::from_utf8(session.to_bytes().expect("small")).expect("UTF-8");
    text.lines().map(str::to_owned).collect()
}

/// The ids of a record: of the session, the event and the call.
fn ids(line: &str) -> Vec<String> {
    let record: Value = serde_json::from_str(line).expect("JSON");
    let places = ["/session_id", "/event_id", "/attributes/semantic.call_id", "/event_type/data/call_id"];
    places.iter().filter_map(|place| record.pointer(place)?.as_str().map(str::to_owned)).collect()
}

fn is_object_id(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36 && text.matches('-').count() == 4 && text.replace('-', "").bytes().all(|b| b.is_ascii_hexdigit())
}

/// The labelled lines, those with nothing but a UUID left out.
fn is_no_uuid(row: &Value) -> bool {
    row["category"] != "UUID"
}

#[test]
#[ignore = "reads real logs, which GIT_SESSION_DATA names"]
#[expect(clippy::disallowed_methods, reason = "whether to rewrite the document is the test's own business")]
fn the_published_figures_are_what_the_rules_reach_and_reach_the_targets() {
    let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/redaction.md");
    let text = fs::read_to_string(&document).expect("docs/redaction.md is there");
    let (head, rest) = text.split_once(BEGIN).expect("docs/redaction.md marks where the figures begin");
    let (known, tail) = rest.split_once(END).expect("docs/redaction.md marks where the figures end");
    let (data, corpus) = (data(), corpus());
    let profiles = [Profile::Default, Profile::Strict];
    let redactors = profiles.map(|profile| Redactor::new(&Settings::of(profile), b"key", &[]).expect("the rules load"));
    let lines = redactors.each_ref().map(|redactor| tallies(&data, "creddata.jsonl", redactor, is_no_uuid));
    let examples = redactors.each_ref().map(|redactor| tallies(&data, "kingfisher.jsonl", redactor, |_| true));
    let real = real(&corpus, &redactors);
    let forms = redactors.each_ref().map(|redactor| forms(&data, redactor));
    let table = table(&lines, &examples, forms, &real);
    if env::var_os("GIT_SESSION_UPDATE_DOCS").is_some_and(|update| update == "1") {
        fs::write(&document, format!("{head}{BEGIN}{table}{END}{tail}")).expect("docs/redaction.md can be written");
    } else {
        assert!(
            known == table,
            "the figures in docs/redaction.md differ; to rewrite them: \
             GIT_SESSION_UPDATE_DOCS=1 cargo test --test suite published_figures -- --ignored\n\
             in the document:\n{known}\nnow:\n{table}"
        );
    }
    let [[.., default], [.., strict]] = lines;
    assert!(default.recall() >= 0.74 && default.precision() >= 0.92, "{table}");
    assert!(strict.recall() >= 0.78 && strict.precision() >= 0.65, "{table}");
    assert!(forms.iter().all(|recall| *recall >= 0.85), "{table}");
    let [[.., examples], _] = examples;
    assert!(examples.recall() >= 0.85 && examples.recall_escaped() >= 0.85 && examples.taken() <= 0.05, "{table}");
    for real in real {
        assert!(real.redacted * 200 <= real.bytes, "{} of {} bytes", real.redacted, real.bytes);
        assert_eq!(real.ids, [""; 0]);
    }
}

/// A column a profile.
fn table(lines: &[[Tally; 3]; 2], examples: &[[Tally; 3]; 2], forms: [f64; 2], real: &[Real]) -> String {
    let halves = |tallies: &[[Tally; 3]; 2], figure: fn(&Tally) -> f64| {
        tallies.map(|[one, other, all]| format!("{:.2} ({:.2}, {:.2})", figure(&all), figure(&one), figure(&other)))
    };
    let rows = [
        ("CredData, no UUID rows: recall", halves(lines, Tally::recall), ["≥ .74", "≥ .78"]),
        ("CredData, no UUID rows: precision", halves(lines, Tally::precision), ["≥ .92", "≥ .65"]),
        ("forms that people type: recall", forms.map(|recall| format!("{recall:.2}")), ["≥ .85", "≥ .85"]),
        ("kingfisher examples: recall", halves(examples, Tally::recall), ["≥ .85", "≥ .85"]),
        ("the same, JSON-escaped: recall", halves(examples, Tally::recall_escaped), ["≥ .85", "≥ .85"]),
        (
            "their counter-examples: hit",
            examples.map(|[.., all]| format!("{} of {}", all.taken, all.others)),
            ["≤ .05", "≤ .05"],
        ),
        ("real sessions: bytes redacted", [share(&real[0]), share(&real[1])], ["≤ .5 %", "≤ .5 %"]),
        ("real sessions: ids redacted", [real[0].ids.len().to_string(), real[1].ids.len().to_string()], ["0", "0"]),
    ];
    let mut table = "| | `default` | target | `strict` | target |\n|---|---:|---:|---:|---:|\n".to_owned();
    for (name, [default, strict], [first, second]) in rows {
        table.push_str(&format!("| {name} | {default} | {first} | {strict} | {second} |\n"));
    }
    table
}

#[expect(clippy::cast_precision_loss, reason = "a share of some megabytes")]
fn share(real: &Real) -> String {
    format!("{:.3} %", real.redacted as f64 * 100.0 / real.bytes as f64)
}
