//! What is written so that it does not read as what it is.

use super::{base64, redacted, redactor, token, wrapped};

/// The ways in which a token may stand in a text and still be read as one.
fn disguises(token: &str) -> Vec<String> {
    let between = |gap: &str| token.chars().map(|letter| format!("{letter}{gap}")).collect::<String>();
    let each = |write: &dyn Fn(u32) -> String| token.chars().map(|letter| write(u32::from(letter))).collect::<String>();
    let in_the_middle = |gap: &str| format!("{}{gap}{}", &token[..17], &token[17..]);
    let gaps = [
        "\u{200b}",
        "\u{ad}",
        "\u{feff}",
        "\u{2060}",
        "\u{fe0f}",
        "\u{34f}",
        "\u{200d}",
        "\u{e0041}",
        "\0",
        "\u{1b}[0m",
    ];
    let lines = [
        "\\\n",
        "=\n",
        "=\r\n",
        "\u{1b}[1;31m",
        "\u{1b}]8;;x\u{7}",
        "\\u200b",
        "&shy;",
        "&#8203;",
        "\\x1b[0m",
        "\\e[K",
        "\u{9b}1m",
    ];
    let mut found: Vec<String> = gaps.into_iter().map(between).collect();
    found.extend(gaps.into_iter().chain(lines).map(in_the_middle));
    found.extend([
        each(&|code| format!("&#{code};")),
        each(&|code| format!("&#x{code:X};")),
        each(&|code| format!("%{code:02X}")),
        each(&|code| format!("%25{code:02x}")),
        each(&|code| format!("\\x{code:02x}")),
        each(&|code| format!("\\u{code:04x}")),
        each(&|code| format!("\\u{{{code:x}}}")),
        each(&|code| format!("\\\\u{code:04X}")),
        each(&|code| format!("\\{code:03o}")),
        each(&|code| format!("={code:02X}")),
        each(&|code| char::from_u32(code + 0xfee0).expect("a wide letter").to_string()),
        token.replace('_', "%5F"),
        token.replace('_', "&lowbar;"),
        base64(token),
        base64(token).trim_end_matches('=').to_owned(),
        base64(format!("token is {token}, keep it")),
        base64(base64(token)),
        base64(token.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>()),
        wrapped(&base64(format!("{0}\n{token}\n{0}", "A line that says nothing at all.")), 64),
        each(&|code| format!("{code:02x}")),
    ]);
    found
}

#[test]
fn a_token_in_disguise_is_found_and_its_placeholder_is_the_same() {
    let token = token();
    let placeholder = redacted(&token);
    for disguise in disguises(&token) {
        for text in [
            disguise.clone(),
            format!("It is {disguise} and nothing else."),
            format!("{}\n{disguise}\n{}", "é line\n".repeat(900), "more 100% é\n".repeat(900)),
        ] {
            let found = redactor().findings(&text);
            assert_eq!(found.len(), 1, "{disguise:?}: {found:?}");
            let new = redacted(&text);
            assert!(new.contains("[REDACTED:github:"), "{disguise:?}: {new}");
            assert_eq!(redacted(&new), new, "{disguise:?}");
            assert!(
                crate::redact::view::read(&new).is_none_or(|read| !read.contains(&token[8..16])),
                "{disguise:?}: {new}"
            );
            let is_encoded = !crate::redact::encoded::all(&disguise, |_| ()).is_empty();
            assert!(is_encoded || new.contains(&placeholder), "{disguise:?}: {new}");
        }
    }
}

#[test]
fn what_is_coloured_or_escaped_and_no_secret_stays() {
    for text in [
        "\u{1b}[32m✓\u{1b}[0m 12 tests passed in 3f786850e387550fdab836ed7e6dc881de23001b",
        "https://example.org/?q=a%20b%2Fc&sha=3f786850e387550fdab836ed7e6dc881de23001b",
        "C:\\Users\\x\\new\\table and \\u00e9\\n &amp; &lt;b&gt; 👩‍👩‍👧 ❤\u{fe0f}",
        "data 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        &base64("The quick brown fox jumps over the lazy dog, again and again."),
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
    ] {
        assert_eq!(redacted(text).replace("\\x", ""), text.replace("C:\\Users\\x\\new", "~\\new").replace("\\x", ""));
    }
}

#[test]
fn a_private_key_that_a_tool_lists_is_hidden_whole() {
    let body = ["575YX8XM5mSLFy5UBIHEYeD7p4Zdl/AK6j0KgodkDINzNlxICAbaG8wy1JZirLnq"; 30];
    let mut lines = vec!["-----BEGIN RSA PRIVATE KEY-----"];
    lines.extend(body);
    lines.push("-----END RSA PRIVATE KEY-----");
    for (before, behind) in
        [("     1→", ""), ("│ 1 │ ", " │"), ("\u{1b}[32m+", "\u{1b}[0m"), ("a_b.pem:1:", ""), ("\u{200b}", "")]
    {
        let listing: String = lines.iter().map(|line| format!("{before}{line}{behind}\n")).collect();
        let text = redacted(&format!("Here:\n{listing}\nDone, and nothing was wrong.\n"));
        assert!(!text.contains("575YX8") && !text.contains("RSA") && text.contains("Done, and"), "{before:?}: {text}");
        assert_eq!(redacted(&text), text);
    }
}

#[test]
fn secrets_side_by_side_and_in_each_other_leave_no_rest() {
    let token = token();
    for text in [
        format!("{token}{token}"),
        format!("password=\"{token}\""),
        format!("https://user:{token}@github.com/o/r.git"),
        format!("Authorization: Bearer {token}"),
        format!("Cookie: session={token}; other={token}"),
        format!("ä{token}ö"),
    ] {
        let result = redacted(&text);
        assert!(!result.contains(&token[4..]), "{text}: {result}");
        assert_eq!(redacted(&result), result);
    }
}
