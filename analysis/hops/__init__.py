"""How ions move from site to site: jumps seen in MD, bands, barriers, rates and the diffusion they add up to."""
