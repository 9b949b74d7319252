//! Where the editors that are built on VS Code keep what their extensions store.

use std::path::PathBuf;

use crate::environment::Environment;

/// The editors, by the names of their folders.
const EDITORS: [&str; 8] =
    ["Code", "Code - Insiders", "Code - OSS", "VSCodium", "VSCodium - Insiders", "Cursor", "Windsurf", "Positron"];
/// Where their servers keep it on a machine that is worked on from another one.
const SERVERS: [&str; 6] = [
    ".vscode-server",
    ".vscode-server-insiders",
    ".vscodium-server",
    ".cursor-server",
    ".windsurf-server",
    ".vscode-remote",
];

/// The folders `User` of every editor and of every server.
pub(super) fn user_folders(environment: &Environment) -> Vec<PathBuf> {
    let mut found = of_editors(environment, &EDITORS);
    let home = environment.home().into_iter();
    found.extend(home.flat_map(|home| SERVERS.map(|server| home.join(server).join("data/User"))));
    found
}

/// The folders `User` of the editors of those names.
pub(super) fn of_editors(environment: &Environment, names: &[&str]) -> Vec<PathBuf> {
    let linux = environment.folder("XDG_CONFIG_HOME", ".config");
    let mac = environment.home().map(|home| home.join("Library/Application Support"));
    let homes = linux.into_iter().chain(mac);
    homes.flat_map(|home| names.iter().map(move |name| home.join(name).join("User"))).collect()
}
