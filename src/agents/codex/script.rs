//! The calls of tools in the JavaScript of code mode, as far as the text of a script tells them.
//!
//! The model writes such a script for the tool `exec`, and calls the other tools in it as functions of the
//! object `tools` (the description of `exec` in the public source of `codex-rs/code-mode`). Nothing is run
//! here: an argument counts as read where it is a literal, or put together of literals only.

use std::collections::HashMap;

use serde_json::Value;

use super::javascript::{Reader, is_name_start};

/// A call of a tool in a script.
#[derive(Debug, PartialEq)]
pub(super) struct Inner {
    pub(super) name: String,
    /// Its argument, where the text of the script tells it.
    pub(super) argument: Option<Value>,
}

/// The tools that a script may call without naming the object they belong to.
const GLOBAL: [&str; 3] = ["apply_patch", "exec_command", "shell_command"];

/// Finds the calls of tools in a script, in the order of its text.
pub(super) fn calls(source: &str) -> Vec<Inner> {
    let mut script = Script { reader: Reader::new(source), calls: Vec::new(), aliases: HashMap::new() };
    while script.step() {}
    script.calls
}

struct Script<'a> {
    reader: Reader<'a>,
    calls: Vec<Inner>,
    /// The names that the script gives to single tools.
    aliases: HashMap<String, String>,
}

impl Script<'_> {
    /// Reads one token; `false` at the end.
    fn step(&mut self) -> bool {
        self.reader.skip_blank();
        let is_member = self.reader.follows_dot();
        match self.reader.peek() {
            None => return false,
            Some(b'"' | b'\'' | b'`') => self.reader.skip_string(),
            Some(b'/') => self.reader.skip_slash(),
            Some(b'(') => {
                self.reader.forget_parameters("=>");
                self.reader.bump();
            }
            Some(byte) if is_name_start(byte) => {
                let name = self.reader.name();
                self.name(&name, is_member);
            }
            Some(_) => self.reader.bump(),
        }
        true
    }

    fn name(&mut self, name: &str, is_member: bool) {
        match name {
            _ if is_member => {}
            "const" | "let" | "var" => self.declaration(),
            "function" => {
                self.reader.name();
                if self.reader.is_next(b'(') {
                    self.reader.forget_parameters("{");
                }
            }
            "tools" => {
                if let Some(tool) = self.reader.member() {
                    self.call(tool);
                }
            }
            name => {
                let alias = self.aliases.get(name).cloned();
                match alias.or_else(|| GLOBAL.contains(&name).then(|| name.to_owned())) {
                    Some(tool) => self.call(tool),
                    None => self.reader.assignment(name),
                }
            }
        }
    }

    /// Reads what follows the name of a tool, where it is called.
    fn call(&mut self, name: String) {
        if !self.reader.take_opening() {
            return;
        }
        let start = self.reader.at();
        let argument = if self.reader.is_next(b')') { Some(Value::Null) } else { self.reader.value() };
        let argument = argument.filter(|_| self.reader.is_next(b',') || self.reader.is_next(b')'));
        if argument.is_none() {
            // There may be calls in it.
            self.reader.go_to(start);
        }
        self.calls.push(Inner { name, argument });
    }

    fn declaration(&mut self) {
        self.reader.skip_blank();
        if self.reader.is_next(b'{') {
            return self.tools_by_name();
        }
        let name = self.reader.name();
        let start = self.reader.at();
        if self.reader.take_equals()
            && self.reader.name() == "tools"
            && let Some(tool) = self.reader.member().filter(|_| !self.reader.is_next(b'('))
        {
            self.aliases.insert(name, tool);
            return;
        }
        self.reader.go_to(start);
        self.reader.declare(name);
    }

    /// Reads `const { exec_command, apply_patch: patch } = tools`.
    fn tools_by_name(&mut self) {
        let start = self.reader.at();
        let names = self.reader.pattern();
        let is_of_tools = names.is_some() && self.reader.take_equals() && self.reader.name() == "tools";
        let is_all = !self.reader.is_next(b'.') && !self.reader.is_next(b'[');
        for (tool, name) in names.into_iter().flatten() {
            if is_of_tools && is_all {
                self.aliases.insert(name, tool);
            } else {
                self.reader.forget(&name);
            }
        }
        if !is_of_tools {
            self.reader.go_to(start);
            self.reader.bump();
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::calls;

    fn found(source: &str) -> Vec<(String, Option<Value>)> {
        calls(source).into_iter().map(|call| (call.name, call.argument)).collect()
    }

    /// A script with one call of `exec_command`, and its command.
    fn commands(source: &str) -> Vec<Option<String>> {
        found(source).into_iter().map(|(_, argument)| Some(argument?.get("cmd")?.as_str()?.to_owned())).collect()
    }

    #[test]
    fn reads_every_spelling_of_a_literal_argument() {
        for source in [
            r#"text(await tools.exec_command({cmd:"make test"}))"#,
            r"const r = await tools.exec_command({ 'cmd': 'make test', });",
            r"await tools.exec_command({cmd: `make test`, yield_time_ms: 10_000, tty: false})",
            r"await tools['exec_command']({cmd: `make ${'test'}`})",
            r"await tools?.exec_command({cmd: 'ma' + `ke` + ' test'})",
            r"await tools.exec_command({cmd: ['make', 'test'].join(' ')})",
            "const cmd = 'make test'\nawait tools.exec_command({cmd})",
            "// don't stop\nconst what = \"test\"; await tools.exec_command({cmd: `make ${what}`, /* it's */ })",
            r"const {exec_command} = tools; await exec_command({cmd:'make test'})",
            r"const {exec_command: run, apply_patch} = tools; await run({cmd:'make test'})",
            r"const isQuote = /['`]/.test(x) / 2; await tools.exec_command({cmd:'make\x20\u0074\u{65}st'})",
            r"const run = tools.exec_command; await run({cmd: 'make test'})",
            r"const cmd = 'make test'; if (cmd) { await tools.exec_command({cmd}) }",
            r"const a = `it's ${b} and it's`; await tools.exec_command({cmd: 'make test'})",
            r"const a = `\${'`; await tools.exec_command({cmd: 'make test'})",
            r"await tools.exec_command(({cmd: ('make test')}))",
            r"let args = {cmd: 'make test'}; await tools.exec_command(args)",
            r"const a = {cmd: 'make test'}; await tools.exec_command({cmd: a.cmd})",
            r"const a = {cmd: 'make test'}; await tools.exec_command({...a, tty: true})",
            r"text(`out: ${await tools.exec_command({cmd: 'make test'})}`)",
            r"if (a < b) { for (;;) { await tools.exec_command({cmd: '  make test '.trim()}) } }",
            "const cmd = 'make \\\ntest';\nawait tools.exec_command({cmd})",
        ] {
            assert_eq!(commands(source), [Some("make test".to_owned())], "{source}");
        }
    }

    #[test]
    fn a_patch_is_read_from_any_kind_of_string() {
        let patch = "*** Begin Patch\n*** Add File: a\\b\n+`${x}`\n*** End Patch";
        for source in [
            "await tools.apply_patch(`*** Begin Patch\n*** Add File: a\\\\b\n+\\`\\${x}\\`\n*** End Patch`)",
            r#"await tools.apply_patch("*** Begin Patch\n*** Add File: a\\b\n+`${x}`\n*** End Patch");"#,
            "const p = ['*** Begin Patch', '*** Add File: a\\\\b', '+`${x}`', '*** End Patch'].join('\\n');\ntext(await tools.apply_patch(p))",
            "let p = '*** Begin Patch\\n';\np += '*** Add File: a\\\\b\\n+`${x}`\\n';\np += '*** End Patch';\nawait tools.apply_patch(p)",
        ] {
            assert_eq!(found(source), [("apply_patch".to_owned(), Some(patch.into()))], "{source}");
        }
        let raw = "await apply_patch(String.raw`*** Begin Patch\n+a\\n\n*** End Patch`)";
        assert_eq!(found(raw)[0].1, Some("*** Begin Patch\n+a\\n\n*** End Patch".into()));
    }

    #[test]
    fn several_calls_come_in_the_order_of_the_text() {
        let source = r"
            const [a, b] = await Promise.all([
                tools.exec_command({cmd: 'one'}),
                tools.mcp__wiki__lookup({term: 'two', deep: [1, -2.5, null, undefined, true]}),
            ]);
            await tools.update_plan();
        ";
        assert_eq!(
            found(source),
            [
                ("exec_command".to_owned(), Some(json!({"cmd": "one"}))),
                ("mcp__wiki__lookup".to_owned(), Some(json!({"term": "two", "deep": [1, -2.5, null, null, true]}))),
                ("update_plan".to_owned(), Some(Value::Null)),
            ]
        );
    }

    #[test]
    fn what_only_running_the_script_would_tell_stays_open() {
        for source in [
            "for (const cmd of ['a', 'b']) await tools.exec_command({cmd})",
            "const cmd = 'x'; ['a', 'b'].map(cmd => tools.exec_command({cmd}))",
            "const cmd = 'x'; ['a', 'b'].map(async (cmd, index) => tools.exec_command({cmd}))",
            "const cmd = 'x'; function run(cmd) { return tools.exec_command({cmd}) }",
            "let cmd = 'a'; if (b) { cmd = 'c' } await tools.exec_command({cmd})",
            "let cmd = 'a'; while (b) { cmd += 'c' } await tools.exec_command({cmd})",
            "await tools.exec_command({cmd: `make ${target}`})",
            "await tools.exec_command({cmd: load('cmd')})",
            "await tools.exec_command({cmd: a ? 'b' : 'c'})",
            "await tools.exec_command({cmd: 'b' || c})",
            "await tools.exec_command({['cm' + 'd']: 'b'})",
            "await tools.exec_command({...given})",
            "await tools.exec_command('a'.repeat(2))",
        ] {
            assert_eq!(found(source), [("exec_command".to_owned(), None)], "{source}");
        }
        let inner = "await tools.apply_patch((await tools.exec_command({cmd: 'a'})).output)";
        let names: Vec<_> = found(inner).into_iter().map(|(name, argument)| (name, argument.is_some())).collect();
        assert_eq!(names, [("apply_patch".to_owned(), false), ("exec_command".to_owned(), true)]);
    }

    #[test]
    fn what_is_no_call_is_none() {
        for source in [
            "",
            "text('await tools.exec_command({cmd: 1})')",
            "// tools.exec_command({cmd: 'a'})",
            "/* tools.exec_command({cmd: 'a'}) */ text(tools.exec_command)",
            "mytools.exec_command({cmd: 'a'}); my.tools.exec_command({}); my.apply_patch('a')",
            "function apply_patch(text) {}",
        ] {
            assert_eq!(found(source), [], "{source}");
        }
    }

    #[test]
    fn broken_scripts_do_no_harm() {
        let deep = format!("tools.exec_command({}", "[".repeat(100_000));
        for source in [
            deep.as_str(),
            "tools.exec_command({cmd:'a",
            "tools.exec_command(`a${",
            "'\\",
            "`${`${",
            "tools.",
            "\"\\u{110000}\"",
            "/[",
            "/*",
            "\u{e4}\u{1F600}`${'\u{e4}'}",
        ] {
            calls(source);
            for (end, _) in source.char_indices().take(60) {
                calls(&source[..end]);
            }
        }
    }
}
