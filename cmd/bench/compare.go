package main

import (
	"fmt"
	"os"

	"rawlink/bench/report"
)

// compareCommand compares two reports.
type compareCommand struct {
	A         string  `arg:"" help:"JSON of the run to compare with."`
	B         string  `arg:"" help:"JSON of the run to judge."`
	Tolerance float64 `default:"0.05" help:"By how much a figure may be worse, as a share, before it counts."`
	HTML      string  `name:"html" help:"File for a page that draws both."`
}

// Run implements the command.
func (c *compareCommand) Run(std *streams) error {
	a, err := report.Load(c.A)
	if err != nil {
		return err
	}
	b, err := report.Load(c.B)
	if err != nil {
		return err
	}
	found, err := report.Compare(a, b, c.Tolerance, 1)
	if err != nil {
		return err
	}
	found.Print(std.out)
	if c.HTML != "" {
		file, err := os.Create(c.HTML)
		if err != nil {
			return fmt.Errorf("html: %w", err)
		}
		if err := report.WritePage(file, found, a, b); err != nil {
			_ = file.Close()
			return err
		}
		if err := file.Close(); err != nil {
			return fmt.Errorf("html: %w", err)
		}
	}
	if found.Worse {
		return fmt.Errorf("%w: B is worse than A beyond the tolerance", errMissed)
	}
	return nil
}
