//! How fast logs become sessions, and sessions canonical bytes: 64 MB of each, made of the fixtures.

use std::{hint::black_box, io};

use chrono::{Days, NaiveDate};
use criterion::{BenchmarkGroup, Criterion, Throughput, measurement::WallTime};
use git_session::{
    agents::{self, Agent, Log},
    hail::{Lines, Reader, Session, Validator, Writer},
};

const CLAUDE_CODE: &str = include_str!("../fixtures/agents/claude-code/tools.jsonl");
const CODEX: &str = include_str!("../fixtures/agents/codex/exec-0.140.jsonl");
/// The size of each input in bytes.
const SIZE: usize = 64 * 1024 * 1024;

fn main() {
    let mut criterion = Criterion::default().sample_size(10).configure_from_args();
    for (agent, day, ids, fixture) in [
        ("claude-code", "2026-03-02", ["\"uuid\":\"", "\"id\":\"", "\"tool_use_id\":\""], CLAUDE_CODE),
        ("codex", "2026-01-05", ["\"turn_id\":\"", "\"id\":\"", "\"call_id\":\""], CODEX),
    ] {
        let log = long_log(fixture, day, &ids);
        let agent = agents::by_name(agent).expect("an agent");
        let mut group = criterion.benchmark_group(agent.name());
        group.throughput(Throughput::Bytes(log.len() as u64));
        native(&mut group, agent, &log);
        let bytes = parse(agent, log.as_bytes()).to_bytes();
        drop(log);
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        canonical(&mut group, &bytes);
        group.finish();
    }
    criterion.final_summary();
}

/// Repeats a fixture, one day later and with ids of its own each time, as one session that goes on.
fn long_log(fixture: &str, day: &str, ids: &[&str]) -> String {
    let first: NaiveDate = day.parse().expect("a day");
    let (head, _) = fixture.split_once('\n').expect("lines");
    let mut log = format!("{head}\n");
    for number in 0.. {
        if log.len() >= SIZE {
            break;
        }
        let today = (first + Days::new(number)).to_string();
        let body =
            ids.iter().fold(fixture.replace(day, &today), |body, id| body.replace(id, &format!("{id}{number}-")));
        body.lines().filter(|line| !line.contains("\"session_meta\"")).for_each(|line| {
            log.push_str(line);
            log.push('\n');
        });
    }
    log
}

fn parse(agent: &dyn Agent, log: &[u8]) -> Session {
    agents::parse_session(agent, &mut Log::new(log, None)).expect("the fixtures are sound").session
}

fn native(group: &mut BenchmarkGroup<'_, WallTime>, agent: &dyn Agent, log: &str) {
    group.bench_function("log to session", |bencher| {
        bencher.iter_with_large_drop(|| parse(agent, black_box(log.as_bytes())));
    });
    group.bench_function("log to canonical bytes", |bencher| {
        bencher.iter(|| parse(agent, black_box(log.as_bytes())).write(io::sink()));
    });
}

fn canonical(group: &mut BenchmarkGroup<'_, WallTime>, bytes: &[u8]) {
    let hail = agents::by_name("hail").expect("an agent");
    group.bench_function("canonical: read", |bencher| {
        bencher.iter(|| {
            let mut lines = Lines::new(black_box(bytes));
            let mut reader = Reader::new(&mut lines);
            while let Some(record) = reader.next_record().expect("canonical") {
                black_box(record);
            }
        });
    });
    group.bench_function("canonical: read, validate", |bencher| {
        bencher.iter(|| {
            let mut lines = Lines::new(black_box(bytes));
            let mut reader = Reader::new(&mut lines);
            let mut validator = Validator::default();
            while let Some((line, record)) = reader.next_record().expect("canonical") {
                assert!(validator.check(line, &record).is_empty(), "line {line}");
            }
        });
    });
    group.bench_function("canonical: read, validate, write", |bencher| {
        bencher.iter(|| {
            let mut writer = Writer::new(io::sink());
            hail.parse(&mut Log::new(black_box(bytes), None), &mut writer).expect("canonical");
            writer.finish()
        });
    });
}
