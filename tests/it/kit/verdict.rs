use super::consume::{self, Read};
use super::load::{Answer, Sent, TYPES};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt::{self, Display};
use std::time::{Duration, Instant};

const TIMEOUT: Duration = Duration::from_secs(90);

/// Exempts promises for a deleted topic until then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Waiver {
    pub(crate) kind: Option<&'static str>,
    pub(crate) until: Duration,
}

pub(crate) type TopicContents = BTreeMap<&'static str, Vec<Read>>;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// Events that were answered 200, without those waived.
    pub(crate) obligations: usize,
    pub(crate) waived: usize,
    pub(crate) lost: Vec<String>,
    pub(crate) duplicated: usize,
    /// The first was answered before the second was sent, yet follows it in the log.
    pub(crate) reordered: Vec<(String, String)>,
    pub(crate) spooled: usize,
    pub(crate) refused: usize,
    pub(crate) broken: usize,
    pub(crate) longest_answer: Duration,
    /// Between the first spooled event and the end of the fault.
    pub(crate) p99_spooling: Option<Duration>,
    /// From the end of the fault to the first event acknowledged by Kafka directly.
    pub(crate) direct_again: Option<Duration>,
}

/// `lifted` is the end of the fault.
pub(crate) fn judge(
    sent: &[Sent],
    contents: &TopicContents,
    waivers: &[Waiver],
    lifted: Duration,
) -> Verdict {
    let places = places(contents);
    let mut verdict = Verdict::default();
    for event in sent {
        let Some(promised) = event.promised() else { continue };
        if is_waived(event, promised, waivers) {
            verdict.waived += 1;
            continue;
        }
        verdict.obligations += 1;
        if !places.contains_key(&(event.kind, event.body.as_slice())) {
            verdict.lost.push(format!("{}{}", mark(event), tries(event)));
        }
    }
    let all = contents.values().map(Vec::len).sum::<usize>();
    verdict.duplicated = all - places.len();
    verdict.reordered = reordered(sent, &places);
    let tries: Vec<_> = sent.iter().flat_map(|event| &event.tries).collect();
    let count = |answer| tries.iter().filter(|each| each.answer == answer).count();
    verdict.spooled = count(Answer::Spooled);
    verdict.refused = count(Answer::Refused);
    verdict.broken = count(Answer::Broken);
    let answers = || tries.iter().filter(|each| each.answer != Answer::Broken);
    verdict.longest_answer = answers().map(|each| each.answered - each.sent).max().unwrap_or_default();
    let direct = tries.iter().filter(|each| each.answer == Answer::Acked && each.answered >= lifted);
    verdict.direct_again = direct.map(|each| each.answered - lifted).min();
    let spooled = tries.iter().filter(|each| each.answer == Answer::Spooled);
    if let Some(first) = spooled.map(|each| each.answered).min() {
        let during = answers().filter(|each| each.sent >= first && each.sent < lifted);
        verdict.p99_spooling = p99(during.map(|each| each.answered - each.sent).collect());
    }
    verdict
}

type Places<'a> = HashMap<(&'static str, &'a [u8]), Place<'a>>;

type Place<'a> = (&'a [u8], i32, i64);

fn places(contents: &TopicContents) -> Places<'_> {
    let mut places = Places::new();
    for (kind, reads) in contents {
        for read in reads {
            let key = read.key.as_deref().unwrap_or_default();
            let place = (key, read.partition, read.offset);
            let known = places.entry((kind, read.value.as_slice())).or_insert(place);
            if read.offset < known.2 {
                *known = place;
            }
        }
    }
    places
}

fn is_waived(event: &Sent, promised: Duration, waivers: &[Waiver]) -> bool {
    waivers.iter().any(|waiver| waiver.kind.is_none_or(|kind| kind == event.kind) && promised <= waiver.until)
}

/// Partition, offset and event of one topic and key.
type Chain<'a> = Vec<(i32, i64, &'a Sent)>;

fn reordered(sent: &[Sent], places: &Places<'_>) -> Vec<(String, String)> {
    let mut chains: BTreeMap<(&str, &str), Chain<'_>> = BTreeMap::new();
    for event in sent {
        if let Some((key, partition, offset)) = places.get(&(event.kind, event.body.as_slice())) {
            assert_eq!(*key, event.key.as_bytes(), "{} has another key", mark(event));
            chains.entry((event.kind, &event.key)).or_default().push((*partition, *offset, event));
        }
    }
    let mut found = Vec::new();
    for ((kind, key), mut chain) in chains {
        let partitions: BTreeSet<i32> = chain.iter().map(|place| place.0).collect();
        assert_eq!(partitions.len(), 1, "{kind} {key} is in several partitions");
        chain.sort_by_key(|place| place.1);
        // The latest first try so far: if it breaks no order, no earlier event does.
        let mut latest: Option<&Sent> = None;
        for (_, _, event) in chain {
            if let (Some(before), Some(promised)) = (latest, event.promised())
                && promised < before.first_sent()
            {
                found.push((mark(event), mark(before)));
            }
            if latest.is_none_or(|before| before.first_sent() < event.first_sent()) {
                latest = Some(event);
            }
        }
    }
    found
}

fn p99(mut answers: Vec<Duration>) -> Option<Duration> {
    answers.sort();
    let last = answers.len().checked_sub(1)?;
    Some(answers[last * 99 / 100])
}

fn mark(event: &Sent) -> String {
    let text = String::from_utf8_lossy(&event.body);
    let start = text.find("mark-").unwrap_or_default();
    let mark = text[start..].split('"').next().unwrap_or_default();
    format!("{} {} {mark}", event.kind, event.key)
}

fn tries(event: &Sent) -> String {
    let described = event.tries.iter().map(|each| {
        let (sent, answered) = (each.sent.as_millis(), each.answered.as_millis());
        format!(", sent at {sent} ms and {:?} at {answered} ms", each.answer)
    });
    described.collect()
}

pub(crate) fn await_contents(
    bootstrap: &str,
    prefix: &str,
    sent: &[Sent],
    waivers: &[Waiver],
) -> TopicContents {
    let deadline = Instant::now() + TIMEOUT;
    loop {
        let read = |kind| consume::read_topic(bootstrap, &format!("{prefix}{kind}"), 0, TIMEOUT);
        let contents: TopicContents = TYPES.iter().map(|(kind, _)| (*kind, read(kind))).collect();
        let there: HashSet<&[u8]> =
            contents.values().flatten().map(|record| record.value.as_slice()).collect();
        let is_open = |event: &&Sent| {
            let promised = event.promised();
            promised.is_some_and(|promised| !is_waived(event, promised, waivers))
                && !there.contains(event.body.as_slice())
        };
        if Instant::now() >= deadline || sent.iter().find(is_open).is_none() {
            return contents;
        }
        std::thread::sleep(Duration::from_millis(300));
    }
}

pub(crate) const HEADING: &str = "| obligations | lost | duplicated | reordered | longest answer | p99 spooling | direct again after | spooled | refused | no answer | waived |";

impl Display for Verdict {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = |time: Duration| format!("{} ms", time.as_millis());
        write!(
            out,
            "| {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |",
            self.obligations,
            self.lost.len(),
            self.duplicated,
            self.reordered.len(),
            millis(self.longest_answer),
            self.p99_spooling.map_or("-".into(), millis),
            self.direct_again.map_or("-".into(), millis),
            self.spooled,
            self.refused,
            self.broken,
            self.waived
        )
    }
}
