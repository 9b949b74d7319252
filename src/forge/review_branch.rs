//! The names of branches that hold the sessions of one review.

/// The folder that a review has on a branch of many: `pr-12` for `opensession/pr-12-sessions`, `mr-7` for
/// `opensession/mr-7-sessions`. The number is letters, digits and `-`. `None` for a branch of any other name,
/// which is neither written nor deleted.
#[must_use]
pub fn review_folder(branch: &[u8]) -> Option<&str> {
    let name = std::str::from_utf8(branch).ok()?.strip_prefix("opensession/")?.strip_suffix("-sessions")?;
    is_review_folder(name).then_some(name)
}

/// Whether a folder of a branch of many reviews is one of a review.
#[must_use]
pub fn is_review_folder(name: &str) -> bool {
    let number = name.strip_prefix("pr-").or_else(|| name.strip_prefix("mr-"));
    let is_known = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    number.is_some_and(|number| !number.is_empty() && number.bytes().all(is_known))
}

#[cfg(test)]
mod tests {
    use super::review_folder;

    #[test]
    fn a_branch_of_a_review_is_known_by_its_whole_name() {
        for (branch, folder) in [
            ("opensession/pr-12-sessions", "pr-12"),
            ("opensession/mr-7-sessions", "mr-7"),
            ("opensession/pr-a-b-sessions", "pr-a-b"),
        ] {
            assert_eq!(review_folder(branch.as_bytes()), Some(folder), "{branch}");
        }
        for branch in [
            "",
            "main",
            "pr-1-sessions",
            "opensession/archive",
            "opensession/pr--sessions",
            "opensession/pr-1-session",
            "opensession/pr-1/x-sessions",
            "opensession/pr-1.2-sessions",
            "opensession/x-1-sessions",
            "x/opensession/pr-1-sessions",
        ] {
            assert_eq!(review_folder(branch.as_bytes()), None, "{branch}");
        }
        assert_eq!(review_folder(b"opensession/pr-\xff-sessions"), None);
    }
}
