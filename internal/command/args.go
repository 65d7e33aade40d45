package command

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// someRepositories wants one repository or more.
func someRepositories(_ *cobra.Command, args []string) error {
	if len(args) == 0 {
		return errors.New("name a repository")
	}
	return nil
}

// words wants exactly the words that are named. A name in brackets may be left
// out.
func words(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) > len(names) {
			return fmt.Errorf("%q is one word too many for %s", args[len(names)], cmd.CommandPath())
		}
		for _, name := range names[len(args):] {
			if !strings.HasPrefix(name, "[") {
				return fmt.Errorf("%s wants %s", cmd.CommandPath(), strings.Join(names, " and "))
			}
		}
		return nil
	}
}

// aVerb refuses what is no verb of cmd and names those that were meant.
func aVerb(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return notAVerb(cmd, args[0])
}

func notAVerb(cmd *cobra.Command, word string) error {
	err := fmt.Errorf("%q is no verb of %s", word, cmd.CommandPath())
	cmd.SuggestionsMinimumDistance = 2
	if like := cmd.SuggestionsFor(word); len(like) > 0 {
		err = fmt.Errorf("%w; did you mean %s?", err, strings.Join(like, " or "))
	}
	return err
}
