//! Beside OpenSession: what it wrote is read, shown, merged and extended without loss, and what is
//! written here it can read.

mod extra_refs;
mod hydrate;
mod merging;
pub mod opensession;
mod reading;
mod writing;

use crate::support::{ClaudeLog, Place, World};

/// A session of ours.
const OURS: &str = "99999999-2222-4333-8444-555555555555";

/// A shared repository whose remote has what OpenSession wrote, linked to the one commit.
pub fn beside_opensession() -> (World, Place, Place) {
    let world = World::new();
    let (work, remote) = world.shared();
    let commit = work.git(&["rev-parse", "HEAD"]).trim().to_owned();
    opensession::write_all(&world, &remote, &commit);
    (world, work, remote)
}

/// Captures a session of ours.
fn capture_ours(world: &World, work: &Place) {
    ClaudeLog::new(world, work, OURS).prompt("Count the coins.").answer("Ten.").save();
    work.session(&["capture"]).ok();
}
