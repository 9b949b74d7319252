//! What the scanner takes for JSON.

use serde_json::{Value, value::RawValue};

use super::Scanner;

#[test]
fn decodes_strings_as_serde_does() {
    for quoted in [
        r#""""#,
        r#""plain and long enough for more than a word""#,
        r#""\"\\\/\b\f\n\r\t""#,
        r#""a\u00e9\u2028z\u0000""#,
        r#""é, twelve bytes in, \ud83d\uDE00!""#,
        r#""\\u00e9\\""#,
        r#""\u+123""#,
        r#""\x""#,
        r#""\"#,
        r#""open"#,
        "\"a tab\tis a control character\"",
    ] {
        let decoded = Scanner::new(quoted).string().map(String::from);
        assert_eq!(decoded, serde_json::from_str(quoted).ok(), "{quoted}");
    }
}

#[test]
fn half_a_surrogate_pair_is_read_as_one_character_and_nothing_else_is_lost() {
    for (quoted, expected) in [
        (r#""\ud83d""#, "\u{fffd}"),
        (r#""a\ude00\ud83d!""#, "a\u{fffd}\u{fffd}!"),
        (r#""\ud83d\u0041""#, "\u{fffd}A"),
        (r#""\ud83d\n""#, "\u{fffd}\n"),
        (r#""\ud83d\ud83d\ude00""#, "\u{fffd}\u{1F600}"),
    ] {
        assert_eq!(Scanner::new(quoted).string().as_deref(), Some(expected), "{quoted}");
        let nested = format!(r#"{{"list":[{quoted}]}}"#);
        assert_eq!(Scanner::new(&nested).value(), Some(serde_json::json!({ "list": [expected] })), "{quoted}");
    }
}

#[test]
fn passes_over_what_serde_takes_for_a_value_and_nothing_else() {
    for text in [
        r#"{"a":[1,-2.5e+3,{"b":null}],"c":{},"d":[],"e":"\"\ud83d"}"#,
        " [ true , false , null ] ",
        "0",
        "-0.1E5",
        "01",
        "-",
        "1.",
        "1e",
        "[1,]",
        r#"{"a":1,}"#,
        r#"{"a" 1}"#,
        "{1:1}",
        "[1}",
        "tru",
        "nul",
        "[",
        "",
        "1 2",
    ] {
        let mut scanner = Scanner::new(text);
        let is_value = scanner.skip().is_some() && scanner.is_at_end();
        assert_eq!(is_value, serde_json::from_str::<&RawValue>(text).is_ok(), "{text}");
    }
    let deep = "[".repeat(200) + &"]".repeat(200);
    assert!(Scanner::new(&deep).skip().is_none());
    assert!(serde_json::from_str::<Value>(&deep).is_err());
}
