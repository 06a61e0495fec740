"""Decides where a waiting lead belongs: which team, which person, and why not the others.
Called by the queue when a lead enters, and by the sweep for leads without anybody."""
