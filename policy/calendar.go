package policy

import "time"

// minutesOfWeek is how many minutes a week of the calendar has.
const minutesOfWeek = 7 * 24 * 60

// minutes returns the length of the span by the calendar.
func (w *Weekly) minutes() int {
	from := int(w.FromDay)*24*60 + w.FromMinute
	to := int(w.ToDay)*24*60 + w.ToMinute
	return (to - from + minutesOfWeek) % minutesOfWeek
}

// Until reports whether the freeze is on at a moment, and when it ends, in its
// zone. It begins with its first moment and is over at its last. Where clocks
// are put back over an edge it begins at the earlier and ends at the later of
// the two; where they are put forward over it, that is the edge.
func (f *Freeze) Until(now time.Time) (end time.Time, frozen bool) {
	if f.Weekly == nil {
		if now.Before(f.From) || !now.Before(f.To) {
			return time.Time{}, false
		}
		return f.To, true
	}
	local := now.In(f.Zone)
	back := (int(local.Weekday()) - int(f.Weekly.FromDay) + 7) % 7
	// The span may have begun this week or in the one before; where clocks are
	// put back at midnight, the one of a week ahead may have, too.
	for _, days := range [...]int{-7, 0, 7} {
		day := local.Day() - back + days
		start := time.Date(local.Year(), local.Month(), day, 0, f.Weekly.FromMinute, 0, 0, time.UTC)
		first, _ := instants(start, f.Zone)
		_, last := instants(start.Add(time.Duration(f.Weekly.minutes())*time.Minute), f.Zone)
		if !now.Before(first) && now.Before(last) {
			return last, true
		}
	}
	return time.Time{}, false
}

// instants returns the first and the last moment at which clocks in the zone
// show wall, whose fields count as if it were UTC. They differ where clocks are
// put back; where clocks skip wall, both are the moment of the change.
func instants(wall time.Time, zone *time.Location) (first, last time.Time) {
	shows := func(t time.Time) time.Time {
		_, offset := t.In(zone).Zone()
		return t.Add(time.Duration(offset) * time.Second)
	}
	year, month, day := wall.Date()
	guess := time.Date(year, month, day, wall.Hour(), wall.Minute(), wall.Second(), wall.Nanosecond(), zone)
	start, end := guess.ZoneBounds()
	near := []time.Time{guess}
	if !start.IsZero() {
		near = append(near, start.Add(-1))
	}
	if !end.IsZero() {
		near = append(near, end)
	}
	for _, at := range near {
		_, offset := at.In(zone).Zone()
		t := wall.Add(-time.Duration(offset) * time.Second).In(zone)
		if !shows(t).Equal(wall) {
			continue
		}
		if first.IsZero() || t.Before(first) {
			first = t
		}
		if last.IsZero() || t.After(last) {
			last = t
		}
	}
	if !first.IsZero() {
		return first, last
	}
	for _, change := range []time.Time{start, end} {
		if !change.IsZero() && shows(change.Add(-1)).Before(wall) && !shows(change).Before(wall) {
			return change.In(zone), change.In(zone)
		}
	}
	return guess, guess
}
