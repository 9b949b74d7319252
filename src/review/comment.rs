//! The one comment of a review: how it is known among the others.

use serde_json::Value;

use crate::error::{Error, Result};

/// What the comment begins with; nothing of a log is in it.
pub const MARKER: &str = "<!-- git-session:review -->";

/// How many comments GitHub and GitLab give at once.
const PAGE: usize = 100;

/// What a page of comments came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sought {
    /// The comment's id.
    Found(u64),
    /// It is not among these, but there are more.
    More,
    /// There is none.
    None,
}

/// Looks for the comment in a page of comments as the API of a host gives it. Only one of `author` counts:
/// anybody can write the marker.
///
/// # Errors
/// When it is no such page.
pub fn find_comment(page: &[u8], author: &str) -> Result<Sought> {
    let page: Value =
        serde_json::from_slice(page).map_err(|fault| Error::user(format!("not a page of comments: {fault}")))?;
    let comments = page.as_array().ok_or_else(|| {
        let said = page.get("message").and_then(Value::as_str).unwrap_or("no list");
        Error::user(format!("not a page of comments: {said}"))
    })?;
    let is_ours = |comment: &&Value| {
        let text = |pointer: &str| comment.pointer(pointer).and_then(Value::as_str);
        text("/body").is_some_and(|body| body.starts_with(MARKER))
            && text("/user/login").or_else(|| text("/author/username")) == Some(author)
    };
    let found = comments.iter().find(is_ours).and_then(|comment| comment.get("id")?.as_u64());
    Ok(match found {
        Some(id) => Sought::Found(id),
        None if comments.len() >= PAGE => Sought::More,
        None => Sought::None,
    })
}

/// The name of an account, of the user as the API of a host gives it.
///
/// # Errors
/// When it is no such user.
pub fn user_name(user: &[u8]) -> Result<String> {
    let user: Value = serde_json::from_slice(user).unwrap_or_default();
    let name = ["login", "username"].iter().find_map(|key| user.get(key)?.as_str());
    name.map(str::to_owned).ok_or_else(|| Error::user("the host did not say whose token this is"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{MARKER, Sought, find_comment};

    #[test]
    fn only_our_own_comment_is_found() {
        let page = json!([
            {"id": 1, "body": format!("{MARKER} mine"), "user": {"login": "somebody"}},
            {"id": 2, "body": format!("look: {MARKER}"), "user": {"login": "bot"}},
            {"id": 3, "body": format!("{MARKER}\ntext"), "user": {"login": "bot"}},
        ]);
        let sought = |author: &str| find_comment(page.to_string().as_bytes(), author).expect("a page");
        assert_eq!(sought("bot"), Sought::Found(3));
        assert_eq!(sought("nobody"), Sought::None);
        let gitlab = json!([{"id": 7, "body": MARKER, "author": {"username": "bot"}}]).to_string();
        assert_eq!(find_comment(gitlab.as_bytes(), "bot").expect("a page"), Sought::Found(7));
    }

    #[test]
    fn a_full_page_has_another_one_behind_it() {
        let page = vec![json!({"id": 1, "body": "x", "user": {"login": "a"}}); 100];
        assert_eq!(find_comment(json!(page).to_string().as_bytes(), "bot").expect("a page"), Sought::More);
        let refusal = find_comment(br#"{"message": "Bad credentials"}"#, "bot").expect_err("no page");
        assert!(refusal.to_string().contains("Bad credentials"), "{refusal}");
    }
}
