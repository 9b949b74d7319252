//! Programs that change the files they name.

/// A program that changes the files that it is given.
#[derive(Clone, Copy)]
pub(super) struct Editor {
    pub(super) name: &'static str,
    pub(super) subcommand: Option<&'static str>,
    /// It changes them only with one of these options; `-*i` stands for a letter among short options.
    pub(super) only_with: &'static [&'static str],
    /// It changes none with any of these.
    pub(super) not_with: &'static [&'static str],
    /// The options whose value is the next word.
    pub(super) with_value: &'static [&'static str],
    /// How many operands come before the files.
    pub(super) leading: usize,
    /// The options that give what the leading operand gives else.
    pub(super) script_options: &'static [&'static str],
    /// Whether `-i.bak` and `-Ei` count as `-i`.
    pub(super) takes_suffix: bool,
    /// Whether a folder, or no operand at all, stands for the files in it.
    pub(super) takes_folders: bool,
    /// Whether it runs any code where it does not edit.
    pub(super) runs_otherwise: bool,
}

const NONE: Editor = Editor {
    name: "",
    subcommand: None,
    only_with: &[],
    not_with: &[],
    with_value: &[],
    leading: 0,
    script_options: &[],
    takes_suffix: false,
    takes_folders: false,
    runs_otherwise: false,
};

/// Changes the files that it names.
const fn tool(name: &'static str, leading: usize, with_value: &'static [&'static str]) -> Editor {
    Editor { name, with_value, leading, ..NONE }
}

/// Rewrites files and folders where one of some options is given.
const fn with(name: &'static str, only_with: &'static [&'static str]) -> Editor {
    Editor { name, only_with, with_value: CONFIG, takes_folders: true, ..NONE }
}

/// Rewrites files and folders unless one of some options is given.
const fn unless(name: &'static str, not_with: &'static [&'static str]) -> Editor {
    Editor { name, not_with, with_value: CONFIG, takes_folders: true, ..NONE }
}

const fn of(subcommand: &'static str, editor: Editor) -> Editor {
    Editor { subcommand: Some(subcommand), ..editor }
}

const CONFIG: &[&str] = &[
    "-c",
    "--config",
    "--config-path",
    "--edition",
    "-l",
    "--line-length",
    "-t",
    "--target-version",
    "--style",
    "-r",
    "--parser",
    "--ext",
    "--rule",
    "--select",
    "--ignore",
    "--ignore-path",
    "--plugin",
    "--profile",
    "-e",
    "-local",
    "--local",
    "-s",
];

const SED: Editor = Editor {
    only_with: &["-i", "--in-place"],
    with_value: &["-e", "-f", "-l", "--expression", "--file"],
    leading: 1,
    script_options: &["-e", "-f", "--expression", "--file"],
    takes_suffix: true,
    ..NONE
};

const AWK: Editor = Editor {
    only_with: &["inplace"],
    with_value: &["-i", "-f", "-v", "-F", "--include"],
    leading: 1,
    script_options: &["-f", "--file"],
    ..NONE
};

const PERL: Editor = Editor {
    only_with: &["-i"],
    not_with: &["-c"],
    with_value: &["-e", "-E", "-pe", "-ne", "-pie", "-pi -e", "-lpe", "-I", "-M"],
    leading: 1,
    script_options: &["-e", "-E"],
    takes_suffix: true,
    runs_otherwise: true,
    ..NONE
};

/// The programs. Another line makes another known.
pub(super) static EDITORS: &[Editor] = &[
    Editor { name: "sed", ..SED },
    Editor { name: "gsed", ..SED },
    Editor { name: "awk", ..AWK },
    Editor { name: "gawk", ..AWK },
    Editor { name: "perl", ..PERL },
    Editor { name: "ruby", ..PERL },
    Editor { name: "yq", only_with: &["-i", "--inplace", "--in-place"], leading: 1, takes_suffix: true, ..NONE },
    Editor { name: "sd", leading: 2, not_with: &["-p", "--preview"], ..NONE },
    tool("touch", 0, &["-d", "-t", "-r", "--date", "--reference"]),
    tool("truncate", 0, &["-s", "--size", "-r"]),
    tool("chmod", 1, &[]),
    tool("chown", 1, &[]),
    tool("chgrp", 1, &[]),
    tool("ed", 0, &["-p"]),
    tool("ex", 0, &["-c", "--cmd", "-S", "-u"]),
    tool("vim", 0, &["-c", "--cmd", "-S", "-u"]),
    tool("vi", 0, &["-c", "--cmd", "-S", "-u"]),
    tool("nvim", 0, &["-c", "--cmd", "-S", "-u"]),
    tool("nano", 0, &[]),
    tool("sponge", 0, &[]),
    tool("dos2unix", 0, &[]),
    tool("unix2dos", 0, &[]),
    tool("gzip", 0, &[]),
    tool("gunzip", 0, &[]),
    tool("xz", 0, &[]),
    tool("bzip2", 0, &[]),
    tool("mkfifo", 0, &[]),
    with("prettier", &["--write", "-w"]),
    with("prettierd", &["--write", "-w"]),
    with("gofmt", &["-w"]),
    with("gofumpt", &["-w"]),
    with("goimports", &["-w"]),
    with("gci", &["write"]),
    with("golines", &["-w"]),
    with("golangci-lint", &["--fix"]),
    with("shfmt", &["-w", "--write"]),
    with("clang-format", &["-i"]),
    with("clang-tidy", &["--fix", "-fix"]),
    with("google-java-format", &["-i", "--replace", "-r"]),
    with("eslint", &["--fix"]),
    with("eslint_d", &["--fix"]),
    with("oxlint", &["--fix"]),
    with("tslint", &["--fix"]),
    with("xo", &["--fix"]),
    with("standard", &["--fix"]),
    with("stylelint", &["--fix"]),
    with("markdownlint", &["--fix", "-f"]),
    with("markdownlint-cli2", &["--fix"]),
    with("biome", &["--write", "--apply", "--fix", "--apply-unsafe"]),
    with("rubocop", &["-a", "-A", "--autocorrect", "--autocorrect-all", "--auto-correct"]),
    with("yapf", &["-i", "--in-place"]),
    with("autopep8", &["-i", "--in-place", "-ri", "-ir"]),
    with("autoflake", &["-i", "--in-place", "-ri", "-ir"]),
    with("docformatter", &["-i", "--in-place"]),
    with("ktlint", &["-F", "--format"]),
    with("mdformat", &[]),
    with("codespell", &["-w", "--write-changes"]),
    with("typos", &["-w", "--write-changes"]),
    with("xmllint", &["--output", "-o"]),
    of("format", unless("ruff", &["--check", "--diff"])),
    of("check", with("ruff", &["--fix", "--fix-only", "--unsafe-fixes"])),
    with("ruff", &["--fix"]),
    unless("black", &["--check", "--diff"]),
    unless("isort", &["--check", "--check-only", "--diff", "-c"]),
    unless("rustfmt", &["--check"]),
    unless("stylua", &["--check"]),
    unless("swiftformat", &["--lint", "--dryrun"]),
    unless("buildifier", &["--mode=check", "--lint=warn", "-mode=check"]),
    unless("pyupgrade", &[]),
    unless("nixfmt", &["--check", "-c"]),
    unless("alejandra", &["--check", "-c"]),
    unless("nixpkgs-fmt", &["--check"]),
    unless("ormolu", &["--mode check"]),
    unless("scalafmt", &["--check", "--test"]),
    unless("dprint", &["check"]),
    unless("taplo", &["--check", "lint", "check"]),
    unless("tidy", &["-e", "-q"]),
    of("fmt", unless("cargo", &["--check"])),
    of("fix", unless("cargo", &[])),
    of("clippy", with("cargo", &["--fix"])),
    of("fmt", unless("go", &["-n"])),
    of("fmt", unless("deno", &["--check"])),
    of("lint", with("deno", &["--fix"])),
    of("fmt", unless("terraform", &["-check"])),
    of("fmt", unless("tofu", &["-check"])),
    of("format", unless("mix", &["--check-formatted"])),
    of("format", unless("dart", &["--output=none", "--set-exit-if-changed"])),
    of("fix", unless("dart", &["--dry-run"])),
    of("fmt", unless("zig", &["--check"])),
    of("format", unless("dotnet", &["--verify-no-changes"])),
    of("fix", unless("php-cs-fixer", &["--dry-run"])),
];
