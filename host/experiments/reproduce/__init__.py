"""``ohmprop reproduce``: the table and the figures of Zoppo, Marrone, Corinto 2020 (Front. Neurosci. 14:240), anew."""
