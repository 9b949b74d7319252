use super::{Config, parse_size};

#[test]
fn what_is_written_is_read_back() {
    let mut config = Config::default();
    let text = config.render(None).expect("a file");
    assert_eq!(Config::parse(&text).expect("a configuration").config, config);
    config.provider = "gitlab".to_owned();
    config.remote = Some("team \"x\"".to_owned());
    config.session_archive_branch = Some("sessions/archive".to_owned());
    config.policy.hidden_ttl_days = 0;
    config.policy.session_ttl_days = Some(400);
    config.policy.max_ledger_size = Some(500 << 20);
    config.policy.promote = false;
    config.policy.pinned = vec!["main".to_owned(), "0a1b".to_owned()];
    let changed = config.render(Some(&text)).expect("a file");
    assert_eq!(Config::parse(&changed).expect("a configuration").config, config);
    assert!(changed.contains("max_ledger_size = \"500M\"\n"), "{changed}");
    assert_eq!(Config::default().render(Some(&changed)).expect("a file"), text);
}

#[test]
fn comments_and_unknown_keys_stay_and_are_told() {
    let old = "# ours\nhidden_ttl_days = 7 # a week\nfuture = 'x'\n\n[later]\nkey = 1\n";
    let loaded = Config::parse(old).expect("a configuration");
    assert_eq!((loaded.config.policy.hidden_ttl_days, loaded.warnings.len()), (7, 2));
    assert!(loaded.warnings.iter().any(|warning| warning.contains("line 3") && warning.contains("'future'")));
    let mut config = loaded.config;
    config.policy.hidden_ttl_days = 9;
    let new = config.render(Some(old)).expect("a file");
    assert!(new.starts_with("# ours\nhidden_ttl_days = 9 # a week\nfuture = 'x'\n"), "{new}");
    assert!(new.ends_with("\n[later]\nkey = 1\n"), "{new}");
    assert_eq!(Config::parse(&new).expect("a configuration").config, config);
}

#[test]
fn a_refused_value_is_told_with_its_line_its_key_and_what_to_write() {
    for (line, key) in [
        ("hidden_ttl_days = -1", "hidden_ttl_days"),
        ("hidden_ttl_days = 36501", "hidden_ttl_days"),
        ("artifact_ttl_days = \"30\"", "artifact_ttl_days"),
        ("session_ttl_days = 1.5", "session_ttl_days"),
        ("max_ledger_size = 0", "max_ledger_size"),
        ("max_ledger_size = \"99999999999G\"", "max_ledger_size"),
        ("max_ledger_size = \"many\"", "max_ledger_size"),
        ("promote = 1", "promote"),
        ("pinned = \"main\"", "pinned"),
        ("provider = \"other\"", "provider"),
        ("remote = \"--upload-pack=x\"", "remote"),
        ("remote = \"\"", "remote"),
    ] {
        let fault = Config::parse(&format!("# a comment\n{line}\n")).expect_err(line);
        assert!(fault.message().contains("config.toml, line 2") && fault.message().contains(key), "{fault}");
        assert!(fault.hint().is_some_and(|hint| hint.contains(&format!("{key} = "))), "{line}");
    }
    let fault = Config::parse("promote = true\nhidden_ttl_days =\n").expect_err("no value");
    assert!(fault.message().contains("config.toml, line 2") && fault.hint().is_some(), "{fault}");
}

#[test]
fn sizes_are_in_powers_of_1024() {
    for (text, bytes) in [("12", Some(12)), ("1k", Some(1024)), ("2M", Some(2 << 20)), ("3G", Some(3 << 30))] {
        assert_eq!(parse_size(text), bytes, "{text}");
    }
    for text in ["", "M", "-1", "1T", "1.5G", "99999999999G"] {
        assert_eq!(parse_size(text), None, "{text}");
    }
}
