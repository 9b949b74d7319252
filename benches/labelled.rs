//! What redaction finds in labelled lines, such as `benches/creddata.py` makes: recall and precision of the files given
//! as arguments. A line counts as found when any part of it is. `--missed` lists the secrets that are not found, `--taken`
//! what is none and is taken for one, `--by repo` and `--by category` the figures of each.

use std::{collections::BTreeMap, env, fs};

use git_session::redact::{Profile, Redactor, Settings};
use serde_json::Value;

/// What is found of some lines.
#[derive(Clone, Copy, Default)]
struct Tally {
    secrets: u32,
    found: u32,
    taken: u32,
}

impl Tally {
    fn add(&mut self, is_secret: bool, is_hit: bool) {
        self.secrets += u32::from(is_secret);
        self.found += u32::from(is_secret && is_hit);
        self.taken += u32::from(!is_secret && is_hit);
    }

    fn figures(&self) -> String {
        let share = |part: u32, all: u32| f64::from(part) / f64::from(all.max(1));
        let (recall, precision) = (share(self.found, self.secrets), share(self.found, self.found + self.taken));
        format!(
            "recall {recall:.3}, precision {precision:.3}; {} of {} found, {} taken",
            self.found, self.secrets, self.taken
        )
    }
}

#[expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]
fn main() {
    let arguments: Vec<String> = env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let has = |option: &str| arguments.iter().any(|argument| argument == option);
    let by = arguments.iter().skip_while(|argument| *argument != "--by").nth(1);
    let files = arguments.iter().filter(|argument| !argument.starts_with("--") && Some(*argument) != by);
    let text: String = files.map(|file| fs::read_to_string(file).expect("a file of labelled lines")).collect();
    let rows: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    for profile in [Profile::Default, Profile::Strict] {
        let redactor = Redactor::new(&Settings::of(profile), b"key", &[]).expect("the rules load");
        let (mut all, mut parts) = (Tally::default(), BTreeMap::<String, Tally>::new());
        // UUIDs are ids here.
        for row in rows.iter().filter(|row| row["category"] != "UUID") {
            let (text, is_secret) = (row["text"].as_str().expect("text"), row["secret"].as_bool().expect("a label"));
            let findings = redactor.findings(text);
            all.add(is_secret, !findings.is_empty());
            if let Some(part) = by.and_then(|by| row[by].as_str()) {
                parts.entry(part.to_owned()).or_default().add(is_secret, !findings.is_empty());
            }
            if has("--missed") && is_secret && findings.is_empty() {
                println!("{profile} missed: {} {} {text}", row["repo"], row["category"]);
            }
            if let Some(first) = findings.first().filter(|_| has("--taken") && !is_secret) {
                println!(
                    "{profile} taken: {} {} by {}: {} in {text}",
                    row["repo"],
                    row["category"],
                    first.rule,
                    &text[first.range.clone()]
                );
            }
        }
        println!("{profile}: {}", all.figures());
        for (part, tally) in parts {
            println!("  {part}: {}", tally.figures());
        }
    }
}
