//! How fast secrets are looked for, beside a SHA-256 of the same bytes as a measure of the machine.
//!
//! `GIT_SESSION_DATA` names the folder with `corpus/<agent>/…`; without it the fixtures are repeated.

use std::{
    env, fs,
    hint::black_box,
    path::{Path, PathBuf},
};

use criterion::{BatchSize, Criterion, Throughput};
use git_session::{
    agents::{self, Log, LogFile, Sample},
    hail::{Event, Spool},
    redact::{Profile, Redactor, Settings, Summary},
};
use sha2::{Digest, Sha256};

fn main() {
    let mut criterion = Criterion::default().sample_size(10).configure_from_args();
    let events = events();
    let lines: Vec<String> = events.iter().map(|event| serde_json::to_string(event).expect("serialises")).collect();
    let bytes: u64 = lines.iter().map(|line| line.len() as u64).sum();
    let mut group = criterion.benchmark_group("redact");
    group.throughput(Throughput::Bytes(bytes));
    group.bench_function("baseline: SHA-256", |bencher| {
        bencher.iter(|| lines.iter().fold(Sha256::new(), |hash, line| hash.chain_update(black_box(line))).finalize());
    });
    for profile in [Profile::Default, Profile::Strict] {
        let redactor = Redactor::new(&Settings::of(profile), b"key", &[PathBuf::from("/home/alice")]).expect("rules");
        group.bench_function(format!("{profile}: events in memory"), |bencher| {
            bencher.iter_batched_ref(
                || events.clone(),
                |events| {
                    let mut summary = Summary::default();
                    for event in events.iter_mut() {
                        redactor.event(event, &mut summary);
                    }
                    summary.total()
                },
                BatchSize::PerIteration,
            );
        });
        group.bench_function(format!("{profile}: canonical lines"), |bencher| {
            bencher.iter(|| lines.iter().map(|line| redactor.findings(black_box(line)).len()).sum::<usize>());
        });
    }
    group.finish();
    hostile(&mut criterion);
    criterion.final_summary();
}

/// Texts that would take long where a rule looked again and again at the same stretch: a keyword, again and again,
/// with what makes its rule look far.
fn hostile(criterion: &mut Criterion) {
    const UNITS: [&str; 14] = [
        "bearer=",
        "bearer=1a",
        "key=",
        "token=a1",
        "secret=\"",
        "\"a1B2c3D4e5F6g7H8i9_key\",",
        "authorization=1a",
        "AccountKey=-",
        "auth0/",
        "xoxc-",
        "eyJ-",
        "://a:",
        "cookie: a=",
        "-----BEGIN PRIVATE KEY-----",
    ];
    let redactor = Redactor::new(&Settings::of(Profile::Strict), b"key", &[]).expect("rules");
    let mut group = criterion.benchmark_group("redact 1 MB of");
    for unit in UNITS {
        let text = unit.repeat((1 << 20) / unit.len());
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(unit, |bencher| bencher.iter(|| redactor.findings(black_box(&text)).len()));
    }
    group.finish();
}

/// The events of every session there is, at least 16 MB of them.
#[expect(clippy::disallowed_methods, reason = "the data folder is the benchmark's own business")]
fn events() -> Vec<Event> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/agents");
    let folder = env::var_os("GIT_SESSION_DATA").map_or(fixtures, |data| Path::new(&data).join("corpus"));
    let mut events = Vec::new();
    let mut files = vec![folder];
    while let Some(path) = files.pop() {
        if path.is_dir() {
            files.extend(fs::read_dir(&path).expect("readable").map(|entry| entry.expect("readable").path()));
        } else if let Some(found) = events_of(&path) {
            events.extend(found);
        }
    }
    let size: usize = events.iter().map(|event| serde_json::to_vec(event).expect("serialises").len()).sum();
    (0..(16 << 20) / size.max(1)).fold(events.clone(), |mut all, _| {
        all.extend(events.iter().cloned());
        all
    })
}

/// The events of a log; `None` when it is none.
fn events_of(path: &Path) -> Option<Vec<Event>> {
    let agent = agents::detect(&Sample::of(path).ok()?).ok()?;
    let mut events = Vec::new();
    for part in agent.sessions(&LogFile::at(path.to_owned())?).ok()? {
        let mut input = Log::open(&part.path).ok()?;
        input.part = part.part.as_deref();
        let mut spool = Spool::default();
        agent.parse(&mut input, &mut spool).ok()?;
        let session = spool.finish().ok()??;
        let text = String::from_utf8(session.to_bytes().ok()?).ok()?;
        events.extend(text.lines().filter_map(|line| serde_json::from_str::<Event>(line).ok()));
    }
    Some(events)
}
