//! The names of references on a disk that takes two names for one when they differ only in case.
//!
//! base64url tells upper from lower case, such a disk does not. A name that another ledger has taken
//! there already becomes `<name>.<first 16 hex of the SHA-256 of its last component>`, which no
//! encoded name looks like. Only this repository calls it so: a remote has it under its own name.

use std::collections::HashSet;

use crate::{
    git::{GitError, Repository},
    hail::ObjectHash,
};

/// What `name`, the full name of a reference, is called here.
///
/// # Errors
/// When the references cannot be read.
pub fn name_here(repository: &Repository, name: &str) -> Result<String, GitError> {
    let names = names_here(repository, &[name.to_owned()])?;
    Ok(names.into_iter().next().unwrap_or_default())
}

/// What `names`, all of one folder, are called here; none of them gets in another's way.
///
/// # Errors
/// When the references cannot be read.
pub fn names_here(repository: &Repository, names: &[String]) -> Result<Vec<String>, GitError> {
    let folder = names.first().and_then(|name| name.rfind('/').map(|slash| &name[..=slash]));
    let Some(folder) = folder.filter(|_| repository.folds_case()) else { return Ok(names.to_vec()) };
    let there = repository.references(folder)?;
    Ok(apart(there.into_iter().map(|(name, _)| name.to_string()).collect(), names))
}

fn apart(mut taken: HashSet<String>, names: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    for name in names {
        let marked = format!("{name}.{}", mark(name.rsplit('/').next().unwrap_or_default()));
        let is_in_the_way = |other: &String| other != name && other.eq_ignore_ascii_case(name);
        let here = if taken.contains(&marked) || taken.iter().any(is_in_the_way) { marked } else { name.clone() };
        taken.insert(here.clone());
        found.push(here);
    }
    found
}

/// The last component of a reference's name as every other repository has it.
pub fn plain(component: &str) -> &str {
    let parts = component.split_once('.');
    parts.filter(|(encoded, end)| *end == mark(encoded)).map_or(component, |(encoded, _)| encoded)
}

fn mark(component: &str) -> String {
    let mut hex = ObjectHash::of(component.as_bytes()).to_string();
    hex.truncate(16);
    hex
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{apart, plain};
    use crate::ledger::BranchName;

    #[test]
    fn names_that_differ_only_in_case_are_stored_apart() {
        let names = ["feat1a", "feat1G", "main"].map(|name| BranchName::from(name).reference());
        assert!(names[0] != names[1] && names[0].eq_ignore_ascii_case(&names[1]));
        let here = apart(HashSet::new(), &names);
        let folded: HashSet<String> = here.iter().map(|name| name.to_ascii_lowercase()).collect();
        assert_eq!(folded.len(), names.len(), "{here:?}");
        assert_eq!((&here[0], &here[2]), (&names[0], &names[2]), "only what is in the way is renamed");
        // It stays where it is, whoever is asked for first and whoever is gone.
        let stored: HashSet<String> = here.iter().cloned().collect();
        assert_eq!(apart(stored, &[names[1].clone(), names[0].clone()]), [here[1].clone(), here[0].clone()]);
        assert_eq!(apart([here[1].clone()].into(), &[names[1].clone()]), [here[1].clone()]);
    }

    #[test]
    fn a_name_stored_apart_is_still_its_branch() {
        let names = ["feat1a", "feat1G"].map(|name| BranchName::from(name).reference());
        let here = apart(HashSet::new(), &names);
        let component = here[1].rsplit('/').next().expect("a component");
        assert_eq!(plain(component), BranchName::from("feat1G").encoded());
        assert_eq!(BranchName::decode(component), Some(BranchName::from("feat1G")));
        for other in ["bWFpbg", "bWFpbg.0011223344556677", "bWFpbg.", "."] {
            assert_eq!(plain(other), other);
        }
        assert_eq!(BranchName::decode("bWFpbg.0011223344556677"), None);
    }
}
