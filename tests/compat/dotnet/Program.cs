// compat suite ENDPOINTS [FILTER]       the tests, by RESP2 and RESP3; ends with "N passed, N failed"
// compat failover ENDPOINTS             writes until its standard input ends, then checks; see ../failover.py
using Compat;

if (args is ["suite", var endpoints, ..]) return await Suite.Run(endpoints, args.ElementAtOrDefault(2) ?? "");
if (args is ["failover", var all]) return await Failover.Run(all);
Console.Error.WriteLine("compat suite ENDPOINTS [FILTER] | compat failover ENDPOINTS");
return 2;
