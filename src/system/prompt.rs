//! Questions on the terminal. They go to standard error: standard output is the answer of the command.

use std::io::{self, BufRead, Write};

/// Asks, and returns the line that was typed; empty where the input ended.
///
/// # Errors
/// When the terminal cannot be read or written.
pub fn ask(question: &str) -> io::Result<String> {
    let mut stderr = anstream::stderr().lock();
    writeln!(stderr, "{question} ")?;
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    Ok(line.trim().to_owned())
}

/// Says something before a question.
///
/// # Errors
/// When the terminal cannot be written.
pub fn explain(text: &str) -> io::Result<()> {
    writeln!(anstream::stderr().lock(), "{text}")
}

/// Asks yes or no; what is neither, such as an empty line, means `default`.
///
/// # Errors
/// When the terminal cannot be read or written.
pub fn confirm(question: &str, default: bool) -> io::Result<bool> {
    let choices = if default { "[Y/n]" } else { "[y/N]" };
    Ok(match ask(&format!("{question} {choices}"))?.to_ascii_lowercase().as_str() {
        "y" | "yes" => true,
        "n" | "no" => false,
        _ => default,
    })
}
