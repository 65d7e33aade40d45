package policy

import "strings"

// release reads how branches are released into an environment.
func (s *source) release(st *stage) {
	n := s.subtable(st.at, "release", "environments.NAME.release")
	if n == nil {
		return
	}
	r := &Release{FastForward: s.boolean(n, "fast_forward", false)}
	st.env.Release = r
	if k, v := s.required(n, "base"); k != nil {
		pattern, err := ParseRefPattern(v)
		switch {
		case err != nil:
			s.fail(k.value, "%v", err)
		case !pattern.Exact() || !strings.HasPrefix(v, branchFolder):
			s.fail(k.value, "%s must be one branch, such as refs/heads/main, not %s", k.path(), quote(v))
		default:
			r.Base = RefName(v)
		}
	}
	if k, v := s.required(n, "branches"); k != nil {
		pattern, err := ParseBranchPattern(v)
		if err != nil {
			s.fail(k.value, "%v", err)
		}
		r.Branches = pattern
	}
	if k := st.at.kid("fast_forward"); k != nil {
		s.fail(k.at, "fast_forward has no meaning with release: what is released is merged with what is live")
	}
	s.releaseRef(st)
}

// releaseRef checks that an environment with release has one ref, a branch.
func (s *source) releaseRef(st *stage) {
	k := st.at.kid("refs")
	if k == nil {
		return
	}
	sound := len(st.env.Refs) == 1 && len(k.elems) == 1
	switch {
	case len(k.elems) > 1, sound && !st.env.Refs[0].Exact(),
		sound && !strings.HasPrefix(st.env.Refs[0].text, branchFolder):
		s.fail(k.value, "an environment with release has exactly one ref, a branch, such as refs/heads/release/dev")
	}
}

// checkReleases checks what environments with release ask of each other and of
// those that come after them.
func (s *source) checkReleases(stages []*stage, names map[EnvironmentName]*stage) {
	for _, st := range stages {
		if st.env.Release != nil && st.env.Release.Base != "" {
			s.checkBase(st, stages)
		}
		s.checkMatch(st, names)
	}
}

// checkBase looks for an environment in the same repository that the server
// keeps and that has the base of st.
func (s *source) checkBase(st *stage, stages []*stage) {
	base, at := st.env.Release.Base, st.at.kid("release").kid("base").value
	for _, o := range stages {
		if o.env.Release == nil || o.repository == nil || o.env.Repository != st.env.Repository {
			continue
		}
		for _, ref := range o.env.Refs {
			switch {
			case !ref.MatchFold(base):
			case o == st:
				s.fail(at, "%s is a ref of this environment, which cannot be made from itself", quote(string(base)))
				return
			default:
				s.fail(at, "%s is a ref of %s, which has release itself: name what both are made from",
					quote(string(base)), s.named(o))
				return
			}
		}
	}
}

// checkMatch checks that an environment after one with release does not ask for
// exactly the commit that stands there.
func (s *source) checkMatch(st *stage, names map[EnvironmentName]*stage) {
	written := st.at.kid("match")
	if st.env.Match != MatchCommit || written != nil && written.val != string(MatchCommit) {
		return
	}
	for i, name := range st.env.After {
		prior := names[name]
		if prior == nil || prior.env.Release == nil {
			continue
		}
		at := st.after[i].value
		if written != nil {
			at = written.value
		}
		s.fail(at, `match = "commit" can hold for nothing after %s, whose commits are merges that only it has: `+
			`write match = "contained" or match = "tree"`, name)
		return
	}
}
