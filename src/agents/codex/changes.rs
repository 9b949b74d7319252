//! One event for each file that a patch changed.

use serde_json::Value;

use super::{
    patch::{Change, ChangeKind, Written},
    tokens::Usage,
};
use crate::hail::{Block, Content, Event, EventType, Timestamp};

/// Makes the events of a patch. The first takes the id of `call`, the others follow it; all share
/// its attributes, its call id among them, by which the statistics count them as one call.
pub(super) fn events(call: &Event, changes: &[Change]) -> Vec<Event> {
    let mut events: Vec<Event> = changes.iter().map(|change| event(call, change)).collect();
    for (index, event) in events.iter_mut().enumerate().skip(1) {
        event.event_id = format!("{}.{index}", call.event_id);
        event.duration_ms = None;
    }
    if let Some(last) = events.last_mut() {
        Usage::copy(call, last);
    }
    events
}

fn event(call: &Event, change: &Change) -> Event {
    let path = change.path.clone();
    let (kind, content) = match &change.kind {
        ChangeKind::Add { content } => (EventType::FileCreate { path: path.clone() }, Some(content.clone())),
        ChangeKind::Delete { content } => (EventType::FileDelete { path: path.clone() }, content.clone()),
        ChangeKind::Update { hunks, .. } => {
            let diff = (!hunks.is_empty()).then(|| change.written().heading + hunks);
            (EventType::FileEdit { path: path.clone(), diff }, None)
        }
    };
    let blocks = content.map(|content| Block::File { path, content: Some(content) }).into_iter().collect();
    let mut event = Event { event_type: kind, content: Content { blocks }, ..call.clone() };
    Usage::clear(&mut event);
    if let Some(from) = &change.moved_from {
        event = event.with("renamed_from", from.as_str());
    }
    if matches!(&change.kind, ChangeKind::Update { hunks, is_numbered: false } if !hunks.is_empty()) {
        event = event.with("diff_line_numbers", "unknown");
    }
    event
}

/// Makes events of changes for the time that they are put away: as such they are redacted. Their diffs have
/// no headers.
pub(super) fn put_away(changes: &[Change]) -> impl Iterator<Item = Event> {
    let blank = Event::new("change", Timestamp::EPOCH, EventType::UserMessage);
    changes.iter().map(move |change| {
        let mut event = event(&blank, change);
        if let (EventType::FileEdit { diff, .. }, ChangeKind::Update { hunks, .. }) =
            (&mut event.event_type, &change.kind)
        {
            *diff = Some(hunks.clone());
        }
        event
    })
}

/// The change of such an event.
pub(super) fn take_up(event: Event, written: Written) -> Option<Change> {
    let text = |key: &str| event.attributes.get(key).and_then(Value::as_str).map(str::to_owned);
    let (moved_from, is_numbered) = (text("renamed_from"), text("diff_line_numbers").is_none());
    let content = event.content.blocks.into_iter().find_map(|block| match block {
        Block::File { content, .. } => content,
        _ => None,
    });
    let (path, kind) = match event.event_type {
        EventType::FileCreate { path } => (path, ChangeKind::Add { content: content.unwrap_or_default() }),
        EventType::FileDelete { path } => (path, ChangeKind::Delete { content }),
        EventType::FileEdit { path, diff } => {
            (path, ChangeKind::Update { hunks: diff.unwrap_or_default(), is_numbered })
        }
        _ => return None,
    };
    Some(Change { path, moved_from, kind, written: Some(written) })
}

/// Takes over what `patch_apply_end` knows better than the patch: line numbers, and the content of
/// deleted files. Its paths are absolute, so they are matched by their ends.
pub(super) fn enrich(changes: &mut Vec<Change>, native: &Value) {
    let is_single = changes.len() == 1 && native.as_object().is_some_and(|native| native.len() == 1);
    for (path, native) in native.as_object().into_iter().flatten() {
        let Some(change) = native_change(path, native) else { continue };
        let before = change.moved_from.as_deref().unwrap_or(&change.path).to_owned();
        let known = changes.iter_mut().find(|known| is_single || known.written().ends(&before));
        match known {
            Some(known) => replace_kind(known, change.kind),
            None => changes.push(change),
        }
    }
}

/// Whether there are changes, and every file of them is among the native ones.
pub(super) fn are_among(changes: &[Change], native: &Value) -> bool {
    let paths: Vec<&String> = native.as_object().into_iter().flatten().map(|(path, _)| path).collect();
    let is_there = |change: &Change| {
        let written = change.written();
        paths.iter().any(|path| written.ends(path))
    };
    !changes.is_empty() && changes.iter().all(is_there)
}

fn replace_kind(known: &mut Change, kind: ChangeKind) {
    let is_same = matches!(
        (&known.kind, &kind),
        (ChangeKind::Add { .. }, ChangeKind::Add { .. })
            | (ChangeKind::Delete { .. }, ChangeKind::Delete { .. })
            | (ChangeKind::Update { .. }, ChangeKind::Update { .. })
    );
    let is_empty = matches!(&kind, ChangeKind::Update { hunks, .. } if hunks.is_empty());
    if is_same && !is_empty {
        known.kind = kind;
    }
}

fn native_change(path: &str, native: &Value) -> Option<Change> {
    // Tagged from outside in early versions: `{"update":{"unified_diff":…}}`.
    let (kind, fields) = match native.get("type").and_then(Value::as_str) {
        Some(kind) => (kind, native),
        None => native.as_object()?.iter().next().map(|(kind, fields)| (kind.as_str(), fields))?,
    };
    let text = |key: &str| fields.get(key).and_then(Value::as_str).map(str::to_owned);
    let kind = match kind {
        "add" => ChangeKind::Add { content: text("content")? },
        "delete" => ChangeKind::Delete { content: text("content") },
        "update" => ChangeKind::Update { hunks: text("unified_diff")?, is_numbered: true },
        _ => return None,
    };
    let path = Some(path.to_owned()).filter(|path| !path.is_empty())?;
    Some(match text("move_path") {
        Some(target) if !target.is_empty() => Change::new(target, Some(path), kind),
        _ => Change::new(path, None, kind),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Change, ChangeKind, enrich};
    use crate::agents::codex::patch::parse;

    #[test]
    fn takes_line_numbers_from_either_shape_and_keeps_paths_as_written() {
        for native in [
            json!({"/w/src/a.rs": {"type": "update", "unified_diff": "@@ -7 +7 @@\n-a\n+b\n", "move_path": null}}),
            json!({"/w/src/a.rs": {"update": {"unified_diff": "@@ -7 +7 @@\n-a\n+b\n", "move_path": null}}}),
        ] {
            let mut changes = parse("*** Begin Patch\n*** Update File: src/a.rs\n@@\n-a\n+b\n*** End Patch");
            enrich(&mut changes, &native);
            let kind = ChangeKind::Update { hunks: "@@ -7 +7 @@\n-a\n+b\n".to_owned(), is_numbered: true };
            assert_eq!(changes, [Change::new("src/a.rs".to_owned(), None, kind)]);
        }
    }
}
