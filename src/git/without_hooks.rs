//! Switches off the hooks of the configuration for the git that this program runs: `core.hooksPath` is about the
//! hooks folder only, and git 2.54 and newer run what `hook.<name>.command` says as well. Ours would run inside of
//! our own push, and those of others at every reference of ours.
//!
//! git 2.55 has a switch for each event, git 2.54 only one for each name. Older gits ignore both.

use std::collections::BTreeSet;

use gix::bstr::ByteSlice;

use super::Repository;

/// The events of the git commands that are run here. A push to a path runs the hooks of the repository there as
/// well; these are not ours to switch off, and git does not hand these settings on to them.
const EVENTS: [&str; 4] = ["pre-push", "reference-transaction", "post-index-change", "pre-auto-gc"];

impl Repository {
    /// Arguments of git that keep it from running hooks that the configuration defines.
    pub(super) fn without_hooks(&self) -> Vec<String> {
        let names = self.configured_hooks();
        let names = names.iter().map(String::as_str).chain(EVENTS);
        names.flat_map(|name| ["-c".to_owned(), format!("hook.{name}.enabled=false")]).collect()
    }

    /// The names of the hooks that the configuration defines, but for those that `-c` cannot express.
    fn configured_hooks(&self) -> BTreeSet<String> {
        let snapshot = self.gix.config_snapshot();
        let sections = snapshot.plumbing().sections_by_name("hook").into_iter().flatten();
        let names = sections.filter_map(|section| Some(section.header().subsection_name()?.to_str().ok()?.to_owned()));
        names.filter(|name| !name.is_empty() && !name.contains('=')).collect()
    }
}
