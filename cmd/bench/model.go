package main

type modelCommand struct{}

func (*modelCommand) Run() error { return nil }
