//! What holds for every text.

use proptest::prelude::*;

use super::redactor;
use crate::{
    hail::{Content, Event, EventType, Timestamp},
    redact::Summary,
};

/// Pieces of which texts are made that come near to what the rules look for.
fn piece() -> impl Strategy<Value = String> {
    let fixed = [
        "password=",
        "\"api_key\": \"",
        "token: ",
        "'",
        "\"",
        "\\\"",
        "\\",
        "\n",
        " ",
        "/home/alice",
        "/home/bob/",
        "C:\\Users\\",
        "-----BEGIN PRIVATE KEY-----\n",
        "-----END PRIVATE KEY-----",
        "://",
        ":",
        "@host",
        "Bearer ",
        "Basic ",
        "[REDACTED:github:0123abcd]",
        "[REDACTED:",
        "ghp_",
        "sk-ant-",
        "eyJ",
        ".",
        "~",
        "<password>",
        "é",
        "Cookie: a=",
        "secret ",
        "x1Y2z3A4b5C6d7E8f9G0h1I2j3K4l5M6n7O8p9Q0",
        "AKIA",
        "&#39;",
        "=",
        "{",
        "[",
        "]",
        "%3D",
        "-home-alice-",
        "\u{200b}",
        "\u{1b}[31m",
        "\0",
        "&#103;",
        "%67",
        "\\x68",
        "=\n",
        "Z2hwX2szWHo4UXBMNW1OYjJWY1I3dFl3OUpoR2Y0RHNBNmVVMWlPMA==",
    ];
    prop_oneof![
        4 => proptest::sample::select(fixed.to_vec()).prop_map(str::to_owned),
        1 => "[ -~]{0,12}",
        1 => "[A-Za-z0-9]{8,40}",
        1 => "\\PC{0,4}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn redacting_twice_changes_nothing(pieces in proptest::collection::vec(piece(), 0..24)) {
        let redactor = redactor();
        let text = pieces.concat();
        let once = redactor.text(&text).0.into_owned();
        let (twice, summary) = redactor.text(&once);
        prop_assert_eq!(summary, Summary::default(), "{:?} became {:?}", text, twice);
        prop_assert_eq!(twice, once.as_str());
    }

    #[test]
    fn placeholders_are_never_touched(before in "\\PC{0,20}", after in "\\PC{0,20}") {
        let placeholder = "[REDACTED:github:0123abcd]";
        let text = format!("{before}password=\"{placeholder}\"{after}");
        prop_assert!(redactor().text(&text).0.contains(placeholder));
    }

    #[test]
    fn json_of_any_shape_survives(text in "[\\[\\]{}\":\\\\a-z0-9,]{0,40}") {
        let mut event = Event::new("1", Timestamp::EPOCH, EventType::AgentMessage).with_content(Content::text(text));
        redactor().event(&mut event, &mut Summary::default());
    }
}
