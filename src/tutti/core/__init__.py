"""What everything else stands on: structures, units, files, logs, randomness. Imports nothing of this
package."""
