//! A digest in Markdown, for the comment of a host that shows it on a phone.

use super::{
    CommitDigest, Digest, MARKER, MissingSession, SessionDigest,
    escape::{code, text},
};
use crate::{hail::cut, report::counted};

/// How long a comment may be on GitHub, in characters.
pub const GITHUB_LIMIT: usize = 65_536;

/// How many files of a commit are named.
const FILES: usize = 40;
/// How many characters of a path, a title or a name are shown.
const NAME: usize = 200;
/// What is kept free for the note on what was left out.
const RESERVE: usize = 400;

/// How a digest is written.
#[derive(Clone, Copy, Debug)]
pub struct Shape<'a> {
    /// The most characters that it may have.
    pub limit: usize,
    /// Where the whole of it is, where somebody put it somewhere.
    pub whole: Option<&'a str>,
}

/// Writes a digest in at most `shape.limit` characters; what does not fit is counted.
#[must_use]
pub fn markdown(digest: &Digest, shape: Shape<'_>) -> String {
    let mut document = Document { text: String::new(), left: shape.limit.saturating_sub(RESERVE) };
    document.add(&head(digest));
    let mut shown = std::collections::HashSet::new();
    let (mut commits, mut sessions) = (0, 0);
    for commit in
        digest.commits.iter().filter(|commit| !commit.sessions.is_empty() || !commit.missing_sessions.is_empty())
    {
        let is_fitting = document.add(&commit_head(commit));
        commits += usize::from(!is_fitting);
        for session in digest.sessions_of(commit) {
            let is_new = shown.insert(session.id.as_str());
            let part = if is_new { session_part(session) } else { again(session) };
            sessions += usize::from(!(is_fitting && document.add(&part)) && is_new);
        }
        if is_fitting {
            document.add(&commit_tail(commit));
        }
    }
    document.add(&without_sessions(digest));
    if commits + sessions > 0 {
        document.left += RESERVE;
        document.add(&left_out(commits, sessions, shape.whole));
    }
    document.text
}

struct Document {
    text: String,
    left: usize,
}

impl Document {
    /// Adds a part if all of it fits.
    fn add(&mut self, part: &str) -> bool {
        // Hosts count in different units; this is the largest of them.
        let length = part.encode_utf16().count();
        let is_fitting = length <= self.left;
        if is_fitting {
            self.left -= length;
            self.text.push_str(part);
        }
        is_fitting
    }
}

fn head(digest: &Digest) -> String {
    let mut head = format!("{MARKER}\n### AI sessions of this change\n\n");
    if digest.commits.is_empty() {
        return head + "There are no commits in this range.\n";
    }
    if digest.sessions.is_empty() {
        let missing: usize = digest.commits.iter().map(|commit| commit.missing_sessions.len()).sum();
        let commits = counted(digest.commits.len(), "commit");
        head.push_str(&if missing == 0 {
            format!("No session is linked to {commits}: written by hand, or with an agent whose sessions were not captured.\n")
        } else {
            format!("The sessions linked to {commits} are not in this clone.\n")
        });
        return head;
    }
    let files = digest.files();
    let tests = files.iter().filter(|file| file.is_test).count();
    let failed: usize =
        digest.sessions.iter().map(|session| session.failed_commands.len() + session.failed_left_out).sum();
    let facts = [
        counted(digest.commits.len(), "commit"),
        counted(digest.sessions.len(), "session"),
        format!("{} changed", counted(files.len(), "file")),
        format!("{} among them", counted(tests, "test")),
        if failed == 0 { String::new() } else { format!("{} failed", counted(failed, "command")) },
    ];
    let facts: Vec<String> = facts.into_iter().filter(|fact| !fact.is_empty()).collect();
    head + &facts.join(" · ") + "\n"
}

fn commit_head(commit: &CommitDigest) -> String {
    let id = commit.id.get(..10).unwrap_or(&commit.id);
    format!("\n#### {} {}\n", code(id), text(&cut(&commit.subject, NAME)))
}

fn session_head(session: &SessionDigest) -> String {
    let id: String = session.id.chars().take(8).collect();
    let id = match &session.url {
        Some(url) => format!("[session {id}]({})", address(url)),
        None => format!("session {}", code(&id)),
    };
    let model =
        if session.model.is_empty() { String::new() } else { format!(" ({})", text(&cut(&session.model, NAME))) };
    format!("\n**{}**{model} · {id}", text(&cut(&session.tool, NAME)))
}

/// A session that an earlier commit showed.
fn again(session: &SessionDigest) -> String {
    format!("{} · shown above\n", session_head(session))
}

fn session_part(session: &SessionDigest) -> String {
    let mut part = session_head(session) + "\n";
    if let Some(reason) = &session.unread {
        part.push_str(&format!("\n*Transcript not available: {}*\n", text(&cut(reason, NAME))));
    }
    let half = session.exchanges.len() / 2;
    for (position, exchange) in session.exchanges.iter().enumerate() {
        if position == half && session.exchanges_left_out > 0 {
            part.push_str(&format!("\n*… {} more …*\n", counted(session.exchanges_left_out, "question")));
        }
        part.push_str(&format!("\n> **Asked:** {}\n", text(&exchange.question)));
        if let Some(answer) = &exchange.answer {
            part.push_str(&format!(">\n> **Answered:** {}\n", text(answer)));
        }
    }
    if !session.failed_commands.is_empty() {
        part.push_str("\nCommands that failed:\n");
        for failed in &session.failed_commands {
            part.push_str(&format!("- {} (exit code {})\n", code(&failed.command), failed.exit_code));
        }
        if session.failed_left_out > 0 {
            part.push_str(&format!("- … and {} more\n", session.failed_left_out));
        }
    }
    part
}

fn commit_tail(commit: &CommitDigest) -> String {
    let mut tail = String::new();
    if !commit.missing_sessions.is_empty() {
        let names: Vec<String> = commit.missing_sessions.iter().map(missing).collect();
        tail.push_str(&format!("\nLinked, but not in this clone: {}\n", names.join(", ")));
    }
    let (tests, files): (Vec<_>, Vec<_>) = commit.files.iter().partition(|file| file.is_test);
    for (name, files) in [("file", files), ("test", tests)] {
        if files.is_empty() {
            continue;
        }
        tail.push_str(&format!("\n<details><summary>{}</summary>\n\n", counted(files.len(), name)));
        for file in files.iter().take(FILES) {
            tail.push_str(&format!("- {} {}\n", file.action, code(&cut(&file.path, NAME))));
        }
        if files.len() > FILES {
            tail.push_str(&format!("- … and {} more\n", files.len() - FILES));
        }
        tail.push_str("\n</details>\n");
    }
    tail
}

fn missing(session: &MissingSession) -> String {
    let fate = session.fate.as_ref().map(|fate| format!(" ({})", text(fate))).unwrap_or_default();
    format!("{}{fate}", code(&cut(&session.id, NAME)))
}

fn without_sessions(digest: &Digest) -> String {
    let is_bare = |commit: &&CommitDigest| commit.sessions.is_empty() && commit.missing_sessions.is_empty();
    let bare = digest.commits.iter().filter(is_bare).count();
    if bare == 0 || digest.sessions.is_empty() {
        return String::new();
    }
    format!("\nWithout a session: {}.\n", counted(bare, "commit"))
}

fn left_out(commits: usize, sessions: usize, whole: Option<&str>) -> String {
    let whole = whole.map(|url| format!(" [The whole digest]({})", address(url))).unwrap_or_default();
    let parts = [(commits, "commit"), (sessions, "session")];
    let parts: Vec<String> =
        parts.iter().filter(|(number, _)| *number > 0).map(|(number, of)| counted(*number, of)).collect();
    format!("\n*Left out, since a comment can be only so long: {}.*{whole}\n", parts.join(" and "))
}

/// An address that ends where it should.
fn address(url: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/?#@!$&'*+,;=%".contains(&byte);
    url.bytes().map(|byte| if is_plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::{CommitDigest, Digest, SessionDigest, Shape, markdown};
    use crate::review::Exchange;

    fn digest(commits: usize, question: &str) -> Digest {
        let commit = |number: usize| CommitDigest {
            id: format!("{number:040}"),
            subject: question.to_owned(),
            author: String::new(),
            sessions: vec![format!("session-{number}")],
            missing_sessions: Vec::new(),
            files: Vec::new(),
        };
        let session = |number: usize| SessionDigest {
            id: format!("session-{number}"),
            tool: "codex".to_owned(),
            model: String::new(),
            title: String::new(),
            created_at: None,
            unread: None,
            exchanges: vec![Exchange { question: question.to_owned(), answer: Some(question.to_owned()) }],
            exchanges_left_out: 0,
            failed_commands: Vec::new(),
            failed_left_out: 0,
            url: None,
            hail: None,
        };
        Digest {
            schema_version: 1,
            range: String::new(),
            commits: (0..commits).map(commit).collect(),
            sessions: (0..commits).map(session).collect(),
        }
    }

    #[test]
    fn a_digest_never_exceeds_its_limit_and_counts_what_is_left_out() {
        let digest = digest(300, &"<@a\u{1f600}".repeat(60));
        for limit in [2_000, 65_536, 1_000_000] {
            let text = markdown(&digest, Shape { limit, whole: Some("https://example.org/a (b)") });
            let length = text.encode_utf16().count();
            assert!(length <= limit, "{length} of {limit}");
            assert_eq!(text.contains("Left out"), limit < 1_000_000, "{limit}");
            assert!(limit == 1_000_000 || text.ends_with("(https://example.org/a%20%28b%29)\n"), "{limit}");
        }
        let shown = |limit| markdown(&digest, Shape { limit, whole: None }).matches("#### ").count();
        assert_eq!(shown(1_000_000), 300);
        assert!((1..300).contains(&shown(65_536)));
    }
}
