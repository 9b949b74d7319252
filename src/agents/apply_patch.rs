//! Calls of `apply_patch`, which several agents have: one patch may change several files.

use super::{
    codex::patch::{self, Change, ChangeKind},
    diff,
    tool::Call,
};
use crate::hail::{Block, Content, EventType};

/// The events of a patch, one for each file; none where the text holds no patch.
pub(super) fn calls(text: &str) -> Vec<Call> {
    patch::parse(text).into_iter().map(call).collect()
}

fn call(change: Change) -> Call {
    let Change { path, moved_from, kind, .. } = change;
    let mut blocks = Vec::new();
    let event_type = match kind {
        ChangeKind::Add { content } => {
            blocks.push(Block::File { path: path.clone(), content: Some(content) });
            EventType::FileCreate { path }
        }
        ChangeKind::Delete { .. } => EventType::FileDelete { path },
        ChangeKind::Update { hunks, .. } => {
            let diff = Some(diff::with_header(&path, &hunks)).filter(|diff| !diff.is_empty());
            EventType::FileEdit { path, diff }
        }
    };
    if let Some(from) = moved_from {
        blocks.push(Block::Json { data: serde_json::json!({ "renamed_from": from }) });
    }
    Call { event_type, content: Content { blocks }, group: "edit" }
}
