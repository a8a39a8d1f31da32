"""What is judged, measured and compared: tables of samples, of force fields, of what models have learnt."""
