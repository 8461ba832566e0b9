// A queue of jobs that workers share: what is to be done is found by an index, who does it holds the job's lock, and the lock's token keeps
// out a worker who was too slow. Every third attempt dies in the middle of its job; another worker does it then.
//
//     dotnet run --project examples/dotnet/JobQueue [ENDPOINTS [SECONDS]]
using System.Diagnostics;
using System.Globalization;
using Clustron;
using StackExchange.Redis;

string endpoints = args.Length > 0 ? args[0] : "127.0.0.1:7001,127.0.0.1:7002,127.0.0.1:7003";
double seconds = args.Length > 1 ? double.Parse(args[1], CultureInfo.InvariantCulture) : 30;
string queue = "jobs:" + Guid.NewGuid().ToString("N")[..8] + ":";
TagField state = IndexField.Tag("state");
NumField priority = IndexField.Num("priority");

await using ClustronClient client = await ClustronClient.ConnectAsync(endpoints);
await client.Indexes.CreateAsync(queue, new IndexDefinition { Kind = IndexKind.Hash, Prefixes = [queue], Fields = [state, priority] });
await client.Indexes.WaitReadyAsync(queue);
IndexQuery ready = client.Indexes.Query(queue).Where(state == "ready").OrderBy(priority, descending: true).PageSize(20);

string results = "results:" + queue; // not one of the jobs, by its name
int produced = 0, attempts = 0, deaths = 0;
long began = Stopwatch.GetTimestamp();
Task producer = ProduceAsync();
await Task.WhenAll([producer, .. Enumerable.Range(0, 4).Select(_ => WorkAsync())]);

IReadOnlyList<IndexGroup> groups = await client.Indexes.Query(queue).AggregateAsync([state], Reduce.Count);
long done = await client.Counters.GetAsync(results) ?? 0;
await client.Indexes.DropAsync(queue);
Console.WriteLine($"{produced} jobs, {attempts} attempts, {deaths} workers died, {done} results");
if (produced == 0 || done != produced) throw new InvalidOperationException("A job was done twice, or not at all.");
if (groups.Any(g => g.By[0] == "ready")) throw new InvalidOperationException("Jobs are left.");
Console.WriteLine("OK");

async Task ProduceAsync()
{
    while (Stopwatch.GetElapsedTime(began).TotalSeconds < seconds)
    {
        Command job = Command.Of("HSET", (RedisKey)$"{queue}{produced}", "state", "ready", "priority", Random.Shared.Next(10));
        await client.ExecuteAsync(job, RequestId.New());
        ++produced;
        await Task.Delay(25);
    }
}

async Task WorkAsync()
{
    for (;;)
    {
        IndexPage page = await ready.PageAsync();
        if (page.Keys.Count == 0 && producer.IsCompleted) return;
        foreach (RedisKey job in page.Keys) await TryAsync(job!);
        if (page.Keys.Count == 0) await Task.Delay(20);
    }
}

async Task TryAsync(string job)
{
    // Somebody else has it: the next one, without waiting.
    LockHandle? handle = await client.Locks.TryAcquireAsync(job, TimeSpan.FromMilliseconds(1500), default, new LockOptions { AutoRenew = false });
    if (handle is null) return;
    int attempt = Interlocked.Increment(ref attempts);
    if (attempt % 3 == 0 && Interlocked.Increment(ref deaths) <= 10) return; // It dies: nobody releases the lock, which ends by itself.
    await using (handle)
    {
        await Task.Delay(5);
        try
        {
            // The result and the job's new state are one entry, and only the holder of the lock, of a job that is not done, can write it.
            await client.Transactions.Create()
                .If(TxnCondition.Holds(handle), TxnCondition.Field(job, "state", "ready"))
                .Then(Command.HashSet(job, "state", "done"), Command.Increment(results))
                .ExecuteAsync(RequestId.New());
        }
        catch (LockedException) { } // It was too slow, and another worker has the job.
    }
}
