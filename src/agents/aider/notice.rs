//! What the program says on its `> ` lines.

use super::super::transcript::Tokens;

/// What one line says.
#[derive(Debug, PartialEq)]
pub(super) enum Notice<'l> {
    Version(&'l str),
    Model(&'l str),
    Usage(Tokens),
    Applied(&'l str),
    Commit { id: &'l str, message: &'l str },
    AsksToRun,
    Running(&'l str),
    AsksToCreate,
    Other,
}

/// Reads one line.
pub(super) fn read(line: &str) -> Notice<'_> {
    let after = |prefix: &str| line.strip_prefix(prefix);
    if let Some(version) = after("Aider v") {
        Notice::Version(version)
    } else if let Some(model) = after("Main model: ").or_else(|| after("Model: ")) {
        Notice::Model(model.split(" with ").next().unwrap_or(model))
    } else if let Some(counts) = after("Tokens: ") {
        usage(counts).map_or(Notice::Other, Notice::Usage)
    } else if let Some(path) = after("Applied edit to ") {
        Notice::Applied(path)
    } else if let Some((id, message)) = after("Commit ").and_then(|rest| rest.split_once(' ')) {
        let is_id = id.len() >= 7 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_id { Notice::Commit { id, message } } else { Notice::Other }
    } else if line.starts_with("Run shell command") {
        Notice::AsksToRun
    } else if let Some(command) = after("Running ") {
        Notice::Running(command)
    } else if line.starts_with("Create new file?") {
        Notice::AsksToCreate
    } else {
        Notice::Other
    }
}

/// Reads `9.7k sent, 1k cache write, 3k cache hit, 85 received. Cost: $0.01 message, $0.02 session.`
/// What was sent includes what the cache gave and took.
fn usage(line: &str) -> Option<Tokens> {
    let (counts, cost) = line.split_once("received.")?;
    let mut tokens = Tokens::default();
    let mut sent = 0;
    for count in counts.split(", ") {
        let (number, what) = count.trim().split_once(' ').unwrap_or((count.trim(), "received"));
        match what {
            "sent" => sent = rounded(number)?,
            "cache write" => tokens.cache_write = rounded(number)?,
            "cache hit" => tokens.cache_read = rounded(number)?,
            "received" => tokens.output = rounded(number)?,
            _ => return None,
        }
    }
    tokens.input = sent.saturating_sub(tokens.cache_read).saturating_sub(tokens.cache_write);
    let cost = cost.split_once("Cost: $").and_then(|(_, cost)| cost.split_once(" message"));
    tokens.cost = cost.and_then(|(cost, _)| cost.parse().ok());
    Some(tokens)
}

/// Reads a count that is rounded from a thousand on: `85`, `9.7k`, `11k`.
fn rounded(number: &str) -> Option<u64> {
    let Some(thousands) = number.strip_suffix('k') else { return number.replace(',', "").parse().ok() };
    let (whole, fraction) = thousands.split_once('.').unwrap_or((thousands, "0"));
    let tenths: u64 = fraction.parse().ok().filter(|_| fraction.len() == 1)?;
    whole.parse::<u64>().ok()?.checked_mul(1000)?.checked_add(tenths * 100)
}

#[cfg(test)]
mod tests {
    use super::{Notice, Tokens, read};

    #[test]
    fn counts_are_read_as_they_are_rounded() {
        let line = "Tokens: 9.7k sent, 1k cache write, 3k cache hit, 85 received. Cost: $0.03 message, $0.16 session.";
        let expected =
            Tokens { input: 5700, output: 85, cache_read: 3000, cache_write: 1000, reasoning: 0, cost: Some(0.03) };
        assert_eq!(read(line), Notice::Usage(expected));
        let Notice::Usage(tokens) = read("Tokens: 11k sent, 1.1k received.") else { panic!("no usage") };
        assert_eq!((tokens.input, tokens.output, tokens.cost), (11_000, 1_100, None));
        assert_eq!(read("Tokens: many"), Notice::Other);
    }

    #[test]
    fn a_line_that_only_begins_like_a_notice_is_none() {
        assert_eq!(read("Commit your work first"), Notice::Other);
        assert_eq!(read("Main model: gpt-4o with diff edit format"), Notice::Model("gpt-4o"));
    }
}
