//! What stands in base64 inside a session.

use serde_json::json;

use super::{base64, redactor, token, wrapped};
use crate::{
    hail::{Block, Content, Event, EventType, Timestamp},
    redact::Summary,
};

/// What becomes of the address of a picture.
fn inline(url: &str) -> String {
    let blocks = vec![Block::Image { url: url.to_owned(), alt: None, mime: "image/png".to_owned() }];
    let mut event = Event::new("1", Timestamp::EPOCH, EventType::UserMessage).with_content(Content { blocks });
    let found = redactor().event_findings(&event);
    redactor().event(&mut event, &mut Summary::default());
    assert_eq!(redactor().event_findings(&event), [], "{url}");
    let [Block::Image { url: new, .. }] = event.content.blocks.as_slice() else { panic!("{event:?}") };
    assert_eq!(found.is_empty(), new == url, "{url} became {new}: {found:?}");
    new.clone()
}

#[test]
fn inline_pictures_stay_and_nothing_else_that_calls_itself_one() {
    let token = token();
    let picture = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\x01\0\0\0\x01\x08\x02\0\0\0".to_vec();
    let text_in = |text: &str| [&picture[..], b"\0\0\0\x31tEXtComment\0", text.as_bytes(), b"\0\0\0\0IEND"].concat();
    for clean in [picture.clone(), text_in("Made with a camera, 4000 x 3000"), b"RIFF\x10\0\0\0WEBPVP8 \x02".to_vec()] {
        let url = format!("data:image/png;base64,{}", base64(clean));
        assert_eq!(inline(&url), url);
    }
    let dotenv = format!("# mine\nGITHUB_TOKEN={token}\nDB_PASSWORD=hunter2!xY9\n");
    for url in [
        format!("data:image/png;base64,{}", base64(text_in(&token))),
        format!("data:image/png;base64,{}", base64(&dotenv)),
        format!("data:text/plain;base64,{}", base64(&dotenv)),
        format!("data:;base64,{}", base64(&dotenv)),
        format!("DATA:TEXT/PLAIN;base64,{}", base64(&dotenv).trim_end_matches('=')),
        format!("data:image/svg+xml;base64,{}", base64(format!("<svg><!-- {token} --></svg>"))),
        format!("data:application/octet-stream;base64,{}", base64([b"\0\x01\x02", dotenv.as_bytes()].concat())),
        format!("data:application/zip;base64,{}", base64(b"PK\x03\x04\0\0\xff\xfe")),
        format!("data:;base64,AAAA,{token}"),
        format!("data:image/png;base64,iVBORw0KGgo/{token}"),
        format!("data:text/plain,{token}"),
        format!(
            "data:text/plain;base64,{}",
            base64(dotenv.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>())
        ),
        format!("data:text/plain;base64,{}", wrapped(&base64(&dotenv), 40)),
        format!("see data:text/plain;base64,{} here", base64(&dotenv)),
        format!("data:text/plain;base64,{}", base64(format!("data:text/plain;base64,{}", base64(&dotenv)))),
    ] {
        let new = inline(&url);
        assert_ne!(new, url);
        assert!(!new.contains(&token[4..]), "{new}");
        let content = new.split("base64,").last().unwrap_or_default().trim_end_matches(" here");
        let decoded = crate::redact::inline::decode(content).and_then(|bytes| crate::redact::inline::text_of(&bytes));
        let decoded = decoded.unwrap_or_default();
        assert!(!decoded.contains(&token[4..]) && !decoded.contains("hunter2"), "{url}: {decoded}");
    }
}

#[test]
fn what_an_object_has_in_base64_is_looked_at() {
    let dotenv = base64(format!("GITHUB_TOKEN={}\n", token()));
    for data in [
        json!({ "inlineData": { "mimeType": "text/plain", "data": dotenv } }),
        json!({ "type": "document", "source": { "type": "base64", "media_type": "application/x-env", "data": dotenv } }),
        json!({ "uri": "file:///x", "mimeType": "text/plain", "blob": dotenv }),
        json!({ "media_type": "application/pdf", "data": base64(b"%PDF-1.7\n\xe2\xe3\0 and what nobody can read") }),
    ] {
        let mut event =
            Event::new("1", Timestamp::EPOCH, EventType::AgentMessage).with_content(Content::json(data.clone()));
        redactor().event(&mut event, &mut Summary::default());
        let [Block::Json { data: new }] = event.content.blocks.as_slice() else { panic!("{event:?}") };
        assert_ne!(*new, data);
        assert!(!new.to_string().contains(&dotenv[20..]), "{new}");
        assert_eq!(redactor().event_findings(&event), []);
    }
}
