//! Weekly opening hours in a time zone.

use jiff::civil::{Time, Weekday};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// The same hours on some days of the week.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenHours {
    /// `mon`, `tue`, `wed`, `thu`, `fri`, `sat`, `sun`.
    pub days: Vec<String>,
    /// `HH:MM`, included.
    pub from: String,
    /// `HH:MM`, not included; `24:00` is the day's end, and a time before `from` is on the next day.
    pub to: String,
}

/// Hours ready for use.
#[derive(Clone, Debug)]
pub(crate) struct Hours {
    tz: TimeZone,
    /// Minutes of the week, from Monday 00:00, as half-open ranges; ends may pass the week's end.
    ranges: Vec<(i32, i32)>,
}

const DAY: i32 = 24 * 60;
const WEEK: i32 = 7 * DAY;

impl Hours {
    /// Checks and prepares. Fails with the path below the condition and what is wrong there.
    pub(crate) fn new(tz: &str, open: &[OpenHours]) -> Result<Self, (String, String)> {
        let zone =
            TimeZone::get(tz).map_err(|_| ("tz".to_owned(), format!("no time zone is called `{tz}`")))?;
        let mut ranges = Vec::new();
        for (at, hours) in open.iter().enumerate() {
            let from = minute(&hours.from).map_err(|what| (format!("open[{at}].from"), what))?;
            let to = minute(&hours.to).map_err(|what| (format!("open[{at}].to"), what))?;
            let to = if to <= from { to + DAY } else { to };
            for day in &hours.days {
                let day = weekday(day).ok_or_else(|| {
                    (format!("open[{at}].days"), format!("`{day}` is no day: write mon, tue, ... sun"))
                })?;
                ranges.push((day * DAY + from, day * DAY + to));
            }
        }
        Ok(Self { tz: zone, ranges })
    }

    /// True inside the hours.
    pub(crate) fn contain(&self, now: Timestamp) -> bool {
        let Ok(now) = jiff::Timestamp::from_microsecond(now.micros()) else { return false };
        let local = self.tz.to_datetime(now);
        let day = i32::from(local.weekday().to_monday_zero_offset());
        let minute = day * DAY + i32::from(local.hour()) * 60 + i32::from(local.minute());
        self.ranges
            .iter()
            .any(|(from, to)| (*from..*to).contains(&minute) || (*from..*to).contains(&(minute + WEEK)))
    }
}

fn weekday(word: &str) -> Option<i32> {
    let day = match word {
        "mon" => Weekday::Monday,
        "tue" => Weekday::Tuesday,
        "wed" => Weekday::Wednesday,
        "thu" => Weekday::Thursday,
        "fri" => Weekday::Friday,
        "sat" => Weekday::Saturday,
        "sun" => Weekday::Sunday,
        _ => return None,
    };
    Some(i32::from(day.to_monday_zero_offset()))
}

fn minute(text: &str) -> Result<i32, String> {
    if text == "24:00" {
        return Ok(DAY);
    }
    let time = (text.len() == 5).then(|| Time::strptime("%H:%M", text).ok()).flatten();
    time.map(|t| i32::from(t.hour()) * 60 + i32::from(t.minute()))
        .ok_or_else(|| format!("`{text}` is no time: write HH:MM"))
}
