//! When people sleep.

use jiff::tz::TimeZone;
use model::Timestamp;

/// Hours of the day in a place.
#[derive(Clone, Debug)]
pub struct Night {
    zone: TimeZone,
    /// The first hour.
    from: i8,
    /// The hour at which it is over.
    until: i8,
}

impl Default for Night {
    /// From 22 to 7 o'clock, UTC.
    fn default() -> Self {
        Self { zone: TimeZone::UTC, from: 22, until: 7 }
    }
}

impl Night {
    /// `zone` is a name such as `Europe/Berlin` that this machine knows, or a rule as POSIX has
    /// them for `TZ`; `hours` are two hours such as `22-7`. The error is a reason.
    pub fn parse(zone: &str, hours: &str) -> Result<Self, String> {
        let named = if zone == "UTC" { Ok(TimeZone::UTC) } else { TimeZone::get(zone) };
        let named = named.or_else(|_| TimeZone::posix(zone));
        let zone = named.map_err(|_| format!("`{zone}` is not a time zone that this machine knows"))?;
        let hour = |text: &str| text.trim().parse().ok().filter(|hour| (0..=24).contains(hour));
        let both = hours.split_once('-').and_then(|(from, until)| Some((hour(from)?, hour(until)?)));
        let (from, until) = both.ok_or_else(|| format!("`{hours}` is not two hours such as 22-7"))?;
        Ok(Self { zone, from, until })
    }

    pub(super) fn has(&self, at: Timestamp) -> bool {
        let Ok(instant) = jiff::Timestamp::from_millisecond(at.as_millis()) else { return false };
        let hour = instant.to_zoned(self.zone.clone()).hour();
        if self.from <= self.until {
            (self.from..self.until).contains(&hour)
        } else {
            hour >= self.from || hour < self.until
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn the_night_is_where_people_are() {
        let hour = |hour: i64| Timestamp::from_secs(1_767_225_600 + hour * 3600);
        let utc = Night::default();
        assert_eq!([21, 22, 6, 7].map(|at| utc.has(hour(at))), [false, true, true, false]);
        let berlin = Night::parse("CET-1CEST,M3.5.0,M10.5.0/3", "22-7").unwrap();
        assert_eq!([20, 21, 5, 6].map(|at| berlin.has(hour(at))), [false, true, true, false]);
        let noon = Night::parse("UTC", "12-13").unwrap();
        assert_eq!([11, 12, 13].map(|at| noon.has(hour(at))), [false, true, false]);
        for (zone, hours) in [("Mars/Base", "22-7"), ("UTC", "22"), ("UTC", "22-25"), ("UTC", "a-b")] {
            assert!(Night::parse(zone, hours).is_err(), "{zone} {hours}");
        }
    }
}
